"""The one exception shown to the user: what failed, then what to do next."""


class BootstrapError(Exception):
    def __init__(self, message: str, hint: str = ""):
        super().__init__(message)
        self.hint = hint
