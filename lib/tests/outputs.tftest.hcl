# The outputs that opsctl and scripts stand on.
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

override_resource {
  target          = aws_dynamodb_table.events
  override_during = plan
  values = {
    arn = "arn:aws:dynamodb:us-east-1:123456789012:table/dynamodb-events-dev"
  }
}

override_resource {
  target          = aws_dynamodb_table.audit
  override_during = plan
  values = {
    arn = "arn:aws:dynamodb:us-east-1:123456789012:table/dynamodb-audit-dev"
  }
}

override_resource {
  target          = aws_cloudwatch_event_bus.market_data
  override_during = plan
  values = {
    arn = "arn:aws:events:us-east-1:123456789012:event-bus/eventbridge-market-data-dev"
  }
}

override_resource {
  target          = aws_sns_topic.alerts
  override_during = plan
  values = {
    arn = "arn:aws:sns:us-east-1:123456789012:sns-alerts-dev"
  }
}

override_resource {
  target          = aws_ssm_parameter.alert_rules
  override_during = plan
  values = {
    arn = "arn:aws:ssm:us-east-1:123456789012:parameter/market-data/dev/alert-rules"
  }
}

override_resource {
  target          = aws_ssm_parameter.setting["events-table"]
  override_during = plan
  values = {
    arn = "arn:aws:ssm:us-east-1:123456789012:parameter/market-data/dev/events-table"
  }
}

override_resource {
  target          = aws_ssm_parameter.setting["audit-table"]
  override_during = plan
  values = {
    arn = "arn:aws:ssm:us-east-1:123456789012:parameter/market-data/dev/audit-table"
  }
}

override_resource {
  target          = aws_ssm_parameter.setting["event-bus-name"]
  override_during = plan
  values = {
    arn = "arn:aws:ssm:us-east-1:123456789012:parameter/market-data/dev/event-bus-name"
  }
}

override_resource {
  target          = aws_ssm_parameter.setting["alerts-topic-arn"]
  override_during = plan
  values = {
    arn = "arn:aws:ssm:us-east-1:123456789012:parameter/market-data/dev/alerts-topic-arn"
  }
}

override_resource {
  target          = aws_ssm_parameter.setting["ingestion/config"]
  override_during = plan
  values = {
    arn = "arn:aws:ssm:us-east-1:123456789012:parameter/market-data/dev/ingestion/config"
  }
}

override_resource {
  target          = aws_ssm_parameter.setting["ingestion/dlq-url"]
  override_during = plan
  values = {
    arn = "arn:aws:ssm:us-east-1:123456789012:parameter/market-data/dev/ingestion/dlq-url"
  }
}

override_resource {
  target          = aws_ssm_parameter.setting["processing/config"]
  override_during = plan
  values = {
    arn = "arn:aws:ssm:us-east-1:123456789012:parameter/market-data/dev/processing/config"
  }
}

override_resource {
  target          = aws_ssm_parameter.setting["processing/dlq-url"]
  override_during = plan
  values = {
    arn = "arn:aws:ssm:us-east-1:123456789012:parameter/market-data/dev/processing/dlq-url"
  }
}

override_resource {
  target          = aws_ssm_parameter.setting["notification/config"]
  override_during = plan
  values = {
    arn = "arn:aws:ssm:us-east-1:123456789012:parameter/market-data/dev/notification/config"
  }
}

override_resource {
  target          = aws_ssm_parameter.setting["notification/dlq-url"]
  override_during = plan
  values = {
    arn = "arn:aws:ssm:us-east-1:123456789012:parameter/market-data/dev/notification/dlq-url"
  }
}

override_resource {
  target          = aws_sqs_queue.dlq["ingestion"]
  override_during = plan
  values = {
    arn = "arn:aws:sqs:us-east-1:123456789012:sqs-ingestion-dlq-dev"
    url = "https://sqs.us-east-1.amazonaws.com/123456789012/sqs-ingestion-dlq-dev"
  }
}

override_resource {
  target          = aws_cloudwatch_event_rule.stage["ingestion"]
  override_during = plan
  values = {
    arn = "arn:aws:events:us-east-1:123456789012:rule/eventbridge-market-data-dev/rule-ingestion-dev"
  }
}

override_resource {
  target          = aws_sqs_queue.dlq["processing"]
  override_during = plan
  values = {
    arn = "arn:aws:sqs:us-east-1:123456789012:sqs-processing-dlq-dev"
    url = "https://sqs.us-east-1.amazonaws.com/123456789012/sqs-processing-dlq-dev"
  }
}

override_resource {
  target          = aws_cloudwatch_event_rule.stage["processing"]
  override_during = plan
  values = {
    arn = "arn:aws:events:us-east-1:123456789012:rule/eventbridge-market-data-dev/rule-processing-dev"
  }
}

override_resource {
  target          = aws_sqs_queue.dlq["notification"]
  override_during = plan
  values = {
    arn = "arn:aws:sqs:us-east-1:123456789012:sqs-notification-dlq-dev"
    url = "https://sqs.us-east-1.amazonaws.com/123456789012/sqs-notification-dlq-dev"
  }
}

override_resource {
  target          = aws_cloudwatch_event_rule.stage["notification"]
  override_during = plan
  values = {
    arn = "arn:aws:events:us-east-1:123456789012:rule/eventbridge-market-data-dev/rule-notification-dev"
  }
}

override_resource {
  target          = random_id.deployment
  override_during = plan
  values          = { hex = "0a1b2c3d" }
}

override_resource {
  target          = aws_cloudwatch_event_archive.market_data
  override_during = plan
  values          = { arn = "arn:aws:events:us-east-1:123456789012:archive/archive-market-data-dev" }
}

override_resource {
  target          = aws_lambda_function.function["ingestion"]
  override_during = plan
  values          = { arn = "arn:aws:lambda:us-east-1:123456789012:function:lambda-ingestion-dev" }
}

override_resource {
  target          = aws_lambda_function.function["processing"]
  override_during = plan
  values          = { arn = "arn:aws:lambda:us-east-1:123456789012:function:lambda-processing-dev" }
}

override_resource {
  target          = aws_lambda_function.function["notification"]
  override_during = plan
  values          = { arn = "arn:aws:lambda:us-east-1:123456789012:function:lambda-notification-dev" }
}

run "opsctl_output" {
  command = plan

  assert {
    condition = { for key, value in output.opsctl : key => value if !contains(["stages", "alarms"], key) } == {
      schema_version    = 1
      project           = "market-data-pipeline"
      environment       = "dev"
      region            = "us-east-1"
      account_id        = "123456789012"
      deployment_id     = "0a1b2c3d"
      event_bus         = { name = "eventbridge-market-data-dev", arn = "arn:aws:events:us-east-1:123456789012:event-bus/eventbridge-market-data-dev" }
      archive           = { name = "archive-market-data-dev", arn = "arn:aws:events:us-east-1:123456789012:archive/archive-market-data-dev" }
      alerts_topic_arn  = "arn:aws:sns:us-east-1:123456789012:sns-alerts-dev"
      parameter_prefix  = "/market-data/dev"
      metrics_namespace = "MarketData"
      tables = {
        events = {
          name             = "dynamodb-events-dev"
          arn              = "arn:aws:dynamodb:us-east-1:123456789012:table/dynamodb-events-dev"
          event_type_index = "event-type-timestamp-index"
          symbol_index     = "symbol-timestamp-index"
        }
        audit = {
          name = "dynamodb-audit-dev"
          arn  = "arn:aws:dynamodb:us-east-1:123456789012:table/dynamodb-audit-dev"
        }
      }
    }
    error_message = "The output is ${jsonencode(output.opsctl)}."
  }

  assert {
    condition = output.opsctl.stages == {
      for stage, detail_type in { ingestion = "MarketData.Raw", processing = "MarketData.Validated", notification = "MarketData.Alert" } : stage => {
        function_name                       = "lambda-${stage}-dev"
        function_arn                        = "arn:aws:lambda:us-east-1:123456789012:function:lambda-${stage}-dev"
        role_name                           = "role-${stage}-dev"
        dlq_name                            = "sqs-${stage}-dlq-dev"
        dlq_url                             = "https://sqs.us-east-1.amazonaws.com/123456789012/sqs-${stage}-dlq-dev"
        dlq_arn                             = "arn:aws:sqs:us-east-1:123456789012:sqs-${stage}-dlq-dev"
        rule_name                           = "rule-${stage}-dev"
        rule_arn                            = "arn:aws:events:us-east-1:123456789012:rule/eventbridge-market-data-dev/rule-${stage}-dev"
        log_group                           = "/aws/lambda/lambda-${stage}-dev"
        reserved_concurrency                = 10
        detail_type                         = detail_type
      }
    }
    error_message = "The stages are ${jsonencode(output.opsctl.stages)}."
  }

  assert {
    condition = (
      length(output.opsctl.alarms) == 38
      && contains(output.opsctl.alarms, { name = "alarm-ingestion-errors-dev", stage = "ingestion", kind = "errors" })
      && contains([for alarm in output.opsctl.alarms : jsonencode(alarm)], jsonencode({ name = "alarm-audit-read-capacity-dev", stage = null, kind = "read-capacity" }))
      && sort([for alarm in output.opsctl.alarms : alarm.name]) == output.alarm_names
    )
    error_message = "The alarms are ${jsonencode(output.opsctl.alarms)}."
  }
}

run "other_outputs" {
  command = plan

  assert {
    condition     = output.availability_zones == tolist(["us-east-1a", "us-east-1b"])
    error_message = "The zones are not those of the region."
  }

  assert {
    condition     = length(output.parameter_names) == 11 && contains(output.parameter_names, output.alert_rules_parameter_name) && alltrue([for name in output.parameter_names : startswith(name, output.parameter_prefix)])
    error_message = "The parameters are ${jsonencode(output.parameter_names)}."
  }

  assert {
    condition     = output.ingestion_dlq_url == output.opsctl.stages.ingestion.dlq_url && output.notification_function_arn == output.opsctl.stages.notification.function_arn && output.events_table_name == output.opsctl.tables.events.name
    error_message = "The outputs for people and the one for opsctl disagree."
  }
}
