"""The error that ends a study; light to import, for jobs that answer --help at once."""


class StudyError(RuntimeError):
    """A fault without whose mending a study cannot continue; the message is for the user."""
