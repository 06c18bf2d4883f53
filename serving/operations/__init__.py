"""The operations of the service: one registered function each, whoever asks and however."""
