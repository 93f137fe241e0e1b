class StudyError(RuntimeError):
    """The study cannot go on; the message is for the user."""
