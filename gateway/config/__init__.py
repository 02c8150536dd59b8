"""Settings from a YAML file and the environment.

`load` reads the file with the line of each key in mind, lays `PARLEY_SECTION__KEY` variables over it, validates the
result as `gateway.settings.Settings` and checks what one part says about another. Everything that is wrong is told
at once, one line each: `parley.yaml:12: sip.port: expected a whole number, got 'abc'`.
"""

from gateway.config.loading import CONFIG_VARIABLE, find, load, load_assistant

__all__ = ["CONFIG_VARIABLE", "find", "load", "load_assistant"]
