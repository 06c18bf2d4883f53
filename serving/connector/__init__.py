"""A custom connector of Power Platform, made of the operations of the service."""
