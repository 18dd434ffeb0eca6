"""The exporter: what receipts and run records tell, as metrics. It holds no credential but the right to read both."""
