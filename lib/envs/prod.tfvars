# terraform apply -var-file=envs/prod.tfvars -var account_id=123456789012 -var alert_email=on-call@example.com
environment = "prod"
cost_center = "market-data-prod"

# Only a change of this line, applied, lets the tables be destroyed.
deletion_protection = true
