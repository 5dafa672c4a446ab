# Names and tags: {resource-type}-{purpose}-{environment}, no random part, in every environment.
#
# The real AWS provider plans without an account: it needs none for what does not exist yet, and what it would have to ask
# is given here.

provider "aws" {
  region                      = "us-east-1"
  access_key                  = "test"
  secret_key                  = "test"
  skip_credentials_validation = true
  skip_metadata_api_check     = true
  skip_requesting_account_id  = true
}

override_data {
  target = data.aws_caller_identity.current
  values = { account_id = "123456789012" }
}

override_data {
  target = data.aws_availability_zones.available
  values = { names = ["us-east-1a", "us-east-1b"] }
}

override_data {
  target = data.aws_servicequotas_service_quota.lambda_concurrency
  values = { value = 1000 }
}

variables {
  environment   = "dev"
  alert_email   = "operator@example.com"
  functions_dir = "tests/fixtures/functions"
}

run "names_in_dev" {
  command = plan

  assert {
    condition = { for stage, function in aws_lambda_function.function : stage => function.function_name } == {
      ingestion    = "lambda-ingestion-dev"
      processing   = "lambda-processing-dev"
      notification = "lambda-notification-dev"
    }
    error_message = "The functions are named ${jsonencode([for function in aws_lambda_function.function : function.function_name])}."
  }

  assert {
    condition = { for stage, queue in aws_sqs_queue.dlq : stage => queue.name } == {
      ingestion    = "sqs-ingestion-dlq-dev"
      processing   = "sqs-processing-dlq-dev"
      notification = "sqs-notification-dlq-dev"
    }
    error_message = "The queues are named ${jsonencode([for queue in aws_sqs_queue.dlq : queue.name])}."
  }

  assert {
    condition = { for stage, role in aws_iam_role.function : stage => role.name } == {
      ingestion    = "role-ingestion-dev"
      processing   = "role-processing-dev"
      notification = "role-notification-dev"
    }
    error_message = "The roles are named ${jsonencode([for role in aws_iam_role.function : role.name])}."
  }

  assert {
    condition = { for stage, rule in aws_cloudwatch_event_rule.stage : stage => rule.name } == {
      ingestion    = "rule-ingestion-dev"
      processing   = "rule-processing-dev"
      notification = "rule-notification-dev"
    }
    error_message = "The rules are named ${jsonencode([for rule in aws_cloudwatch_event_rule.stage : rule.name])}."
  }

  assert {
    condition = { for stage, group in aws_cloudwatch_log_group.function : stage => group.name } == {
      ingestion    = "/aws/lambda/lambda-ingestion-dev"
      processing   = "/aws/lambda/lambda-processing-dev"
      notification = "/aws/lambda/lambda-notification-dev"
    }
    error_message = "The log groups are named ${jsonencode([for group in aws_cloudwatch_log_group.function : group.name])}."
  }

  assert {
    condition = [
      aws_dynamodb_table.events.name,
      aws_dynamodb_table.audit.name,
      aws_sns_topic.alerts.name,
      aws_cloudwatch_event_bus.market_data.name,
      aws_cloudwatch_event_archive.market_data.name,
      ] == [
      "dynamodb-events-dev",
      "dynamodb-audit-dev",
      "sns-alerts-dev",
      "eventbridge-market-data-dev",
      "archive-market-data-dev",
    ]
    error_message = "A table, the topic, the bus or the archive is named otherwise."
  }
}

run "names_follow_the_environment" {
  command = plan

  variables {
    environment         = "prod"
    deletion_protection = true
  }

  assert {
    condition = alltrue([
      for name in concat(
        [for function in aws_lambda_function.function : function.function_name],
        [for queue in aws_sqs_queue.dlq : queue.name],
        [for role in aws_iam_role.function : role.name],
        [for rule in aws_cloudwatch_event_rule.stage : rule.name],
        [for group in aws_cloudwatch_log_group.function : group.name],
        [for alarm in aws_cloudwatch_metric_alarm.alarm : alarm.alarm_name],
        [aws_dynamodb_table.events.name, aws_dynamodb_table.audit.name, aws_sns_topic.alerts.name],
        [aws_cloudwatch_event_bus.market_data.name, aws_cloudwatch_event_archive.market_data.name],
      ) : endswith(name, "-prod")
    ])
    error_message = "A name does not end with the environment."
  }

  assert {
    condition     = alltrue([for parameter in aws_ssm_parameter.setting : startswith(parameter.name, "/market-data/prod/")])
    error_message = "A parameter is not below /market-data/prod."
  }
}

run "tags" {
  command = plan

  variables {
    project     = "a-project"
    cost_center = "a-cost-center"
  }

  override_resource {
    target          = random_id.deployment
    override_during = plan
    values          = { hex = "0a1b2c3d" }
  }

  assert {
    condition     = output.default_tags == { Environment = "dev", Project = "a-project", CostCenter = "a-cost-center" }
    error_message = "The default tags are ${jsonencode(output.default_tags)}."
  }

  assert {
    condition     = alltrue([for stage, function in aws_lambda_function.function : function.tags == tomap({ FunctionType = stage, DeploymentId = "0a1b2c3d" })])
    error_message = "A function lacks its FunctionType or the DeploymentId."
  }

  assert {
    condition     = aws_dynamodb_table.events.tags["TableType"] == "events" && aws_dynamodb_table.audit.tags["TableType"] == "audit"
    error_message = "A table lacks its TableType."
  }

  assert {
    condition = alltrue([
      for tags in concat(
        [for queue in aws_sqs_queue.dlq : queue.tags],
        [for role in aws_iam_role.function : role.tags],
        [for rule in aws_cloudwatch_event_rule.stage : rule.tags],
        [for group in aws_cloudwatch_log_group.function : group.tags],
        [for alarm in aws_cloudwatch_metric_alarm.alarm : alarm.tags],
        [for parameter in aws_ssm_parameter.setting : parameter.tags],
        [aws_dynamodb_table.events.tags, aws_dynamodb_table.audit.tags, aws_sns_topic.alerts.tags],
        [aws_cloudwatch_event_bus.market_data.tags, aws_ssm_parameter.alert_rules.tags],
      ) : tags["DeploymentId"] == "0a1b2c3d" && length(tags) >= 2
    ])
    error_message = "A resource lacks its type or the DeploymentId."
  }
}
