"""Quality measurement: data sets, splits, metrics, baselines."""
