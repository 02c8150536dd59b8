"""What the settings of all providers have in common."""

from __future__ import annotations

from typing import ClassVar

from pydantic import BaseModel, ConfigDict
from pydantic.alias_generators import to_camel


class ProviderOptions(BaseModel):
    """Settings of a provider beside its name, as Vapi's schema has them: camelCase outside, unknown ones refused.

    `UNUSED` names the fields that are taken because Vapi has them, and change nothing here: the user is told so.
    """

    model_config = ConfigDict(
        alias_generator=to_camel, populate_by_name=True, extra="forbid", frozen=True, protected_namespaces=()
    )

    UNUSED: ClassVar[frozenset[str]] = frozenset()

    @property
    def unused(self) -> list[str]:
        """Fields, in Vapi's spelling, that were given and change nothing."""
        return [to_camel(name) for name in sorted(self.UNUSED & self.model_fields_set)]
