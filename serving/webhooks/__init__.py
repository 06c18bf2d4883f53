"""Webhooks: who is told of refreshes, and the deliveries that tell them."""
