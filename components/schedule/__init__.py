"""How runs happen by themselves: jobs, their rights, what they may reach, and the exporter, as plain manifests.

Everything here is data and pure functions: settings in, Kubernetes manifests out. `components.rotation_schedule` makes
resources of them; tests use them without an engine.

| module | what it is |
| --- | --- |
| settings | the key `token-rotation:schedule` |
| rights | what one account may do with one object, and the Roles that say so |
| needs | which rights each job needs, from the settings of the whole stack |
| pods | a pod that the level `restricted` of Pod Security accepts |
| jobs | the three CronJobs, their Lease, and the ConfigMap of run records |
| exporter | the Deployment that shows receipts to Prometheus, its Service and ServiceMonitor |
| network | which connections are let in and out |
| manifests | all of them, in the order in which they are needed |
"""
