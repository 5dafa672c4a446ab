# terraform apply -var-file=envs/dev.tfvars -var alert_email=you@example.com
environment = "dev"
cost_center = "market-data-dev"

# A month of rows is enough to develop on; the archive keeps the events themselves for 90 days.
event_retention_days = 30
log_level            = "DEBUG"
