"""Numbers that answer "are texts going out", written as CloudWatch's embedded metric format beside the logs."""

__all__ = ["count"]

NAMESPACE = "Sales"


def count(name: str, value: float = 1, **dimensions: str) -> None:
    """Counts this many; dimensions must have few values, since each combination is a metric of its own (and billed)."""
    # Most requests count nothing and need not pay for the import.
    from aws_lambda_powertools.metrics import MetricUnit, single_metric

    with single_metric(name=name, unit=MetricUnit.Count, value=value, namespace=NAMESPACE) as metric:
        for dimension, chosen in dimensions.items():
            metric.add_dimension(name=dimension, value=chosen)
