"""What may load and unload models, as the settings say it. Pure."""

import msgspec

from headrace.errors import Forbidden, SettingInvalid
from headrace.settings import Models


class Control(msgspec.Struct, frozen=True):
    """Who decides which models are served."""

    asked: bool  # requests do
    first: frozenset[str] | None  # the models that the start loads; None: all

    def check_asked(self) -> None:
        """Raises Forbidden where requests may not load or unload."""
        if not self.asked:
            raise Forbidden('models are loaded as their files change; models.control = "both" allows requests too')


def control_of(choices: Models) -> Control:
    """Raises SettingInvalid where two settings do not go together."""
    names = frozenset(name.strip() for name in choices.load.split(",")) - {""}
    if choices.control != "explicit":
        if names:
            raise SettingInvalid(
                'goes with models.control = "explicit": otherwise every model is loaded', "models.load"
            )
        return Control(asked=choices.control == "both", first=None)
    return Control(asked=True, first=None if names == {"*"} else names)
