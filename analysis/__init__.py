"""From journals or MLflow to data frames, figures and reports."""
