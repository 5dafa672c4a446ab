# Tables, queues, topic, archive, settings and rules; and the warnings.
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
  target          = aws_sns_topic.alerts
  override_during = plan
  values = {
    arn = "arn:aws:sns:us-east-1:123456789012:sns-alerts-dev"
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
  target          = aws_sqs_queue.dlq["processing"]
  override_during = plan
  values = {
    arn = "arn:aws:sqs:us-east-1:123456789012:sqs-processing-dlq-dev"
    url = "https://sqs.us-east-1.amazonaws.com/123456789012/sqs-processing-dlq-dev"
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

run "tables" {
  command = plan

  assert {
    condition     = aws_dynamodb_table.events.hash_key == "event_id" && aws_dynamodb_table.events.range_key == "timestamp" && aws_dynamodb_table.audit.hash_key == "audit_id" && aws_dynamodb_table.audit.range_key == "timestamp"
    error_message = "A table has other keys."
  }

  assert {
    condition = alltrue([
      for table in [aws_dynamodb_table.events, aws_dynamodb_table.audit] :
      table.billing_mode == "PAY_PER_REQUEST"
      && table.server_side_encryption[0].enabled
      && table.point_in_time_recovery[0].enabled
      && table.ttl[0].enabled
      && table.ttl[0].attribute_name == "expires_at"
      && !table.deletion_protection_enabled
    ])
    error_message = "A table is not on demand, encrypted, recoverable, with TTL and deletable."
  }

  assert {
    condition = {
      for index in aws_dynamodb_table.events.global_secondary_index : index.name => {
        keys       = "${index.hash_key} ${index.range_key}"
        projection = join(" ", concat([index.projection_type], sort(coalesce(index.non_key_attributes, []))))
      }
      } == {
      event-type-timestamp-index = { keys = "event_type timestamp", projection = "ALL" }
      symbol-timestamp-index     = { keys = "symbol timestamp", projection = "INCLUDE ask bid event_type price sequence size venue" }
    }
    error_message = "The indexes of the events table are otherwise."
  }
}

run "tables_are_protected_when_asked" {
  command = plan

  variables {
    deletion_protection = true
  }

  assert {
    condition     = aws_dynamodb_table.events.deletion_protection_enabled && aws_dynamodb_table.audit.deletion_protection_enabled
    error_message = "deletion_protection must reach both tables."
  }
}

run "dead_letter_queues" {
  command = plan

  assert {
    condition = alltrue([
      for queue in aws_sqs_queue.dlq :
      queue.message_retention_seconds == 345600
      && queue.visibility_timeout_seconds == 30
      && queue.sqs_managed_sse_enabled
    ]) && length(aws_sqs_queue.dlq) == 3
    error_message = "A queue does not keep messages 4 days, hide them 30 seconds and encrypt them."
  }
}

run "topic_and_mail" {
  command = plan

  assert {
    condition     = aws_sns_topic.alerts.kms_master_key_id == null
    error_message = "Without a key of one's own the topic has none: alias/aws/sns would silence the alarms."
  }

  assert {
    condition     = length(aws_sns_topic_subscription.email) == 1 && aws_sns_topic_subscription.email[0].protocol == "email" && aws_sns_topic_subscription.email[0].endpoint == "operator@example.com"
    error_message = "The operator is not subscribed."
  }
}

run "archive_keeps_everything_for_90_days" {
  command = plan

  assert {
    condition     = aws_cloudwatch_event_archive.market_data.retention_days == 90 && aws_cloudwatch_event_archive.market_data.event_pattern == null
    error_message = "The archive must keep every event of the bus for 90 days."
  }
}

run "settings" {
  command = plan

  assert {
    condition = { for name, parameter in aws_ssm_parameter.setting : parameter.name => parameter.insecure_value } == {
      "/market-data/dev/events-table"         = "dynamodb-events-dev"
      "/market-data/dev/audit-table"          = "dynamodb-audit-dev"
      "/market-data/dev/event-bus-name"       = "eventbridge-market-data-dev"
      "/market-data/dev/alerts-topic-arn"     = "arn:aws:sns:us-east-1:123456789012:sns-alerts-dev"
      "/market-data/dev/ingestion/dlq-url"    = "https://sqs.us-east-1.amazonaws.com/123456789012/sqs-ingestion-dlq-dev"
      "/market-data/dev/processing/dlq-url"   = "https://sqs.us-east-1.amazonaws.com/123456789012/sqs-processing-dlq-dev"
      "/market-data/dev/notification/dlq-url" = "https://sqs.us-east-1.amazonaws.com/123456789012/sqs-notification-dlq-dev"
      "/market-data/dev/ingestion/config"     = "{\"debug_sample_rate\":0,\"max_future_skew_seconds\":300}"
      "/market-data/dev/processing/config"    = "{\"window_size\":50}"
      "/market-data/dev/notification/config"  = "{\"console_url_base\":\"https://us-east-1.console.aws.amazon.com\",\"events_table\":\"dynamodb-events-dev\",\"runbook_url\":\"\"}"
    }
    error_message = "The settings are ${jsonencode({ for name, parameter in aws_ssm_parameter.setting : parameter.name => parameter.insecure_value })}."
  }

  assert {
    condition     = alltrue([for parameter in aws_ssm_parameter.setting : parameter.type == "String"])
    error_message = "Settings are plain strings: a role has no leave to decrypt."
  }
}

run "settings_follow_their_variables" {
  command = plan

  variables {
    event_retention_days    = 30
    max_future_skew_seconds = 60
    debug_sample_rate       = 0.01
    window_size             = 20
    business_thresholds     = { spread_wide_bps = 12.5 }
    console_url_base        = "https://console.example.com"
    runbook_url             = "https://example.com/runbook"
  }

  assert {
    condition     = jsondecode(aws_ssm_parameter.setting["ingestion/config"].insecure_value) == { max_future_skew_seconds = 60, debug_sample_rate = 0.01, event_retention_days = 30 }
    error_message = "ingestion/config is ${aws_ssm_parameter.setting["ingestion/config"].insecure_value}."
  }

  assert {
    condition     = jsondecode(aws_ssm_parameter.setting["processing/config"].insecure_value) == { window_size = 20, spread_wide_bps = 12.5 }
    error_message = "processing/config is ${aws_ssm_parameter.setting["processing/config"].insecure_value}."
  }

  assert {
    condition     = jsondecode(aws_ssm_parameter.setting["notification/config"].insecure_value) == { console_url_base = "https://console.example.com", events_table = "dynamodb-events-dev", runbook_url = "https://example.com/runbook" }
    error_message = "notification/config is ${aws_ssm_parameter.setting["notification/config"].insecure_value}."
  }
}

run "default_alert_rules" {
  command = plan

  assert {
    condition     = aws_ssm_parameter.alert_rules.name == "/market-data/dev/alert-rules" && length(aws_ssm_parameter.alert_rules.insecure_value) <= 4096
    error_message = "The default rules must fit into a parameter of the free tier, 4 KB."
  }

  assert {
    condition     = jsondecode(aws_ssm_parameter.alert_rules.insecure_value) == jsondecode(file("envs/alert-rules.json"))
    error_message = "The default rules are not those of envs/alert-rules.json."
  }

  assert {
    condition = anytrue([
      for rule in jsondecode(aws_ssm_parameter.alert_rules.insecure_value).rules :
      rule.enabled && rule.symbols == ["*"] && try(rule.condition.kind == "move" && rule.condition.percent == "1" && rule.condition.window_seconds == 60, false)
    ])
    error_message = "The plain price move, 1 % within 60 s on any symbol, is missing."
  }
}

run "refuses_rules_that_are_not_json" {
  command = plan

  variables {
    alert_rules_file = "tests/fixtures/rules-not-json.json"
  }

  expect_failures = [aws_ssm_parameter.alert_rules]
}

run "refuses_rules_of_another_version" {
  command = plan

  variables {
    alert_rules_file = "tests/fixtures/rules-version-2.json"
  }

  expect_failures = [aws_ssm_parameter.alert_rules]
}

run "refuses_rules_with_the_same_id_twice" {
  command = plan

  variables {
    alert_rules_file = "tests/fixtures/rules-same-id.json"
  }

  expect_failures = [aws_ssm_parameter.alert_rules]
}

run "refuses_rules_that_are_not_there" {
  command = plan

  variables {
    alert_rules_file = "tests/fixtures/nothing-here.json"
  }

  expect_failures = [aws_ssm_parameter.alert_rules]
}

run "warns_when_nobody_is_told" {
  command = plan

  variables {
    alert_email = ""
  }

  assert {
    condition     = length(aws_sns_topic_subscription.email) == 0
    error_message = "Without an address there is nobody to subscribe."
  }

  expect_failures = [check.somebody_is_told]
}

run "warns_when_stages_are_paused" {
  command = plan

  variables {
    reserved_concurrency = 0
  }

  expect_failures = [check.stages_run]
}

run "warns_when_production_is_unguarded" {
  command = plan

  variables {
    environment          = "prod"
    reserved_concurrency = -1
  }

  expect_failures = [check.production_is_protected, check.production_is_reserved]
}
