"""How people are told: alerts, recording rules and a dashboard, as plain data.

Everything here is data and pure functions: facts of a stack in, manifests out. `components.expiry_alerts` makes
resources of them; promtool and a real Prometheus try them without an engine.

| module | what it is |
| --- | --- |
| settings | the key `token-rotation:monitoring` |
| facts, stack_facts | what rules must know of a stack, and how that follows from its settings |
| alert | one rule as data, and how a series is selected |
| records | recording rules: ages and distances, computed from instants |
| on_tokens, on_teams, on_runs, on_objects | the alerts, by what they look at |
| rule_groups | all rules, and the PrometheusRule |
| panel, panels, kind_panels, dashboard | the dashboard's panels, and how Grafana reads them |
| audit_policy | what Kyverno reports |
"""
