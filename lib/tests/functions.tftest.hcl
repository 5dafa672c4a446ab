# Functions, their retries, their rules and targets, and what is refused before anything is made.
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

run "functions_as_asked" {
  command = plan

  assert {
    condition = alltrue([
      for stage, function in aws_lambda_function.function :
      function.runtime == "provided.al2023"
      && function.handler == "bootstrap"
      && tolist(function.architectures) == tolist(["x86_64"])
      && function.memory_size == 256
      && function.timeout == 30
      && function.reserved_concurrent_executions == 10
      && function.tracing_config[0].mode == "Active"
    ]) && length(aws_lambda_function.function) == 3
    error_message = "A function differs in runtime, size, time, concurrency or tracing."
  }

  assert {
    condition     = alltrue([for stage, function in aws_lambda_function.function : function.dead_letter_config[0].target_arn == "arn:aws:sqs:us-east-1:123456789012:sqs-${stage}-dlq-dev"])
    error_message = "A function's dead letters do not go to its own queue."
  }

  assert {
    condition     = alltrue([for function in aws_lambda_function.function : function.environment[0].variables == tomap({ PARAMETER_PREFIX = "/market-data/dev" })])
    error_message = "The prefix is all that a function's environment holds; the rest is read from SSM."
  }

  assert {
    condition = alltrue([
      for stage, function in aws_lambda_function.function :
      function.logging_config[0].log_format == "JSON"
      && function.logging_config[0].application_log_level == "INFO"
      && function.logging_config[0].log_group == aws_cloudwatch_log_group.function[stage].name
      && aws_cloudwatch_log_group.function[stage].retention_in_days == 7
    ])
    error_message = "A function's logs are not JSON in its own group of 7 days."
  }

  assert {
    condition     = alltrue([for stage, function in aws_lambda_function.function : function.source_code_hash == data.archive_file.function[stage].output_base64sha256])
    error_message = "A new binary would not be deployed."
  }
}

run "three_attempts" {
  command = plan

  assert {
    condition = alltrue([
      for stage, config in aws_lambda_function_event_invoke_config.function :
      config.maximum_retry_attempts == 2
      && config.maximum_event_age_in_seconds == 21600
      && config.function_name == "lambda-${stage}-dev"
    ]) && length(aws_lambda_function_event_invoke_config.function) == 3
    error_message = "A function does not retry twice within six hours."
  }
}

run "rules_and_targets" {
  command = plan

  assert {
    condition = { for stage, rule in aws_cloudwatch_event_rule.stage : stage => jsondecode(rule.event_pattern) } == {
      ingestion    = { source = [{ prefix = "marketdata.feed" }], "detail-type" = ["MarketData.Raw"] }
      processing   = { source = ["marketdata.ingestion"], "detail-type" = ["MarketData.Validated"] }
      notification = { source = ["marketdata.processing"], "detail-type" = ["MarketData.Alert"] }
    }
    error_message = "A rule's pattern is ${jsonencode([for rule in aws_cloudwatch_event_rule.stage : rule.event_pattern])}."
  }

  assert {
    condition     = alltrue([for rule in aws_cloudwatch_event_rule.stage : rule.event_bus_name == "eventbridge-market-data-dev" && (rule.state == null || rule.state == "ENABLED")])
    error_message = "A rule is off, or on another bus."
  }

  assert {
    condition = alltrue([
      for stage, target in aws_cloudwatch_event_target.stage :
      target.rule == "rule-${stage}-dev"
      && target.event_bus_name == "eventbridge-market-data-dev"
      && target.dead_letter_config[0].arn == "arn:aws:sqs:us-east-1:123456789012:sqs-${stage}-dlq-dev"
      && target.retry_policy[0].maximum_retry_attempts == 30
      && target.retry_policy[0].maximum_event_age_in_seconds == 3600
    ]) && length(aws_cloudwatch_event_target.stage) == 3
    error_message = "A target lacks its retries or its dead letter queue."
  }
}

run "no_reservation" {
  command = plan

  variables {
    reserved_concurrency = -1
  }

  assert {
    condition     = alltrue([for function in aws_lambda_function.function : function.reserved_concurrent_executions == -1])
    error_message = "-1 must reserve nothing."
  }

  assert {
    condition     = length(data.aws_servicequotas_service_quota.lambda_concurrency) == 0
    error_message = "Without a reservation there is no quota to ask for."
  }
}

run "refuses_more_than_the_account_has" {
  command = plan

  override_data {
    target = data.aws_servicequotas_service_quota.lambda_concurrency
    values = { value = 129 }
  }

  expect_failures = [data.aws_servicequotas_service_quota.lambda_concurrency]
}

run "accepts_exactly_what_the_account_has" {
  command = plan

  override_data {
    target = data.aws_servicequotas_service_quota.lambda_concurrency
    values = { value = 130 }
  }

  assert {
    condition     = data.aws_servicequotas_service_quota.lambda_concurrency[0].quota_code == "L-B99A9384"
    error_message = "L-B99A9384 is Lambda's quota of concurrent executions."
  }
}

run "asks_no_quota_when_told_not_to" {
  command = plan

  variables {
    check_concurrency_quota = false
  }

  assert {
    condition     = length(data.aws_servicequotas_service_quota.lambda_concurrency) == 0
    error_message = "check_concurrency_quota = false must not read the quota."
  }
}

run "asks_no_quota_of_an_emulator" {
  command = plan

  override_data {
    target = data.aws_caller_identity.current
    values = { account_id = "000000000000" }
  }

  assert {
    condition     = length(data.aws_servicequotas_service_quota.lambda_concurrency) == 0
    error_message = "An emulator has no service quotas."
  }
}

run "refuses_what_is_not_built" {
  command = plan

  variables {
    functions_dir = "tests/fixtures/nothing-here"
  }

  expect_failures = [data.archive_file.function]
}

# The ingestion function there is an ELF header for AArch64.
run "refuses_the_other_architecture" {
  command = plan

  variables {
    functions_dir = "tests/fixtures/arm64"
  }

  expect_failures = [data.archive_file.function["ingestion"]]
}

run "accepts_its_own_architecture" {
  command = plan

  variables {
    functions_dir = "tests/fixtures/arm64"
    architecture  = "arm64"
  }

  assert {
    condition     = alltrue([for function in aws_lambda_function.function : tolist(function.architectures) == tolist(["arm64"])])
    error_message = "The functions are not for arm64."
  }
}
