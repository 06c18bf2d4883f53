"""The section `instance`: who a project is."""

from uuid import UUID

from pydantic import Field

from overtide.schemas.configuration.model import Model, Text


class Instance(Model):
    """Who this project is; the id is part of every CustomerId."""

    name: Text = Field(description="the name that people see", examples=["Contoso"])
    id: UUID = Field(
        description="a UUID, made once and never changed: every CustomerId depends on it",
        examples=["6f1c0c5e-2f4f-4a57-9c7e-0d2a5b7e1a10"],
    )
