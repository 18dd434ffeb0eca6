"""The exporter: what receipts and records tell, as metrics. It holds no credential but the right to read them."""
