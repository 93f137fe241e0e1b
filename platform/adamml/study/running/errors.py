"""The error that ends a study. This module is light to import, so that --help answers at once."""


class StudyError(RuntimeError):
    """Fault that has to be repaired before the study can continue; the message is for the user."""
