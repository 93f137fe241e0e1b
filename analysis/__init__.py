"""Data frames, figures and reports, made from journals or from MLflow."""
