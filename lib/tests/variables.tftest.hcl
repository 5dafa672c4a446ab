# Every validation refuses what it is there to refuse.
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

run "refuses_environment" {
  command = plan

  variables {
    environment = "Dev"
  }

  expect_failures = [var.environment]
}

run "refuses_environment_2" {
  command = plan

  variables {
    environment = "a-name-of-17-char"
  }

  expect_failures = [var.environment]
}

run "refuses_environment_3" {
  command = plan

  variables {
    environment = "dev-"
  }

  expect_failures = [var.environment]
}

run "refuses_project" {
  command = plan

  variables {
    project = ""
  }

  expect_failures = [var.project]
}

run "refuses_cost_center" {
  command = plan

  variables {
    cost_center = "a;b"
  }

  expect_failures = [var.cost_center]
}

run "refuses_region" {
  command = plan

  variables {
    region = "Virginia"
  }

  expect_failures = [var.region]
}

run "refuses_account_id" {
  command = plan

  variables {
    account_id = "12345"
  }

  expect_failures = [var.account_id]
}

run "refuses_aws_max_retries" {
  command = plan

  variables {
    aws_max_retries = 0
  }

  expect_failures = [var.aws_max_retries]
}

run "refuses_functions_dir" {
  command = plan

  variables {
    functions_dir = " "
  }

  expect_failures = [var.functions_dir]
}

run "refuses_architecture" {
  command = plan

  variables {
    architecture = "x86"
  }

  expect_failures = [var.architecture]
}

run "refuses_memory_size" {
  command = plan

  variables {
    memory_size = 127
  }

  expect_failures = [var.memory_size]
}

run "refuses_memory_size_2" {
  command = plan

  variables {
    memory_size = 256.5
  }

  expect_failures = [var.memory_size]
}

run "refuses_timeout_seconds" {
  command = plan

  variables {
    timeout_seconds = 901
  }

  expect_failures = [var.timeout_seconds]
}

run "refuses_reserved_concurrency" {
  command = plan

  variables {
    reserved_concurrency = -2
  }

  expect_failures = [var.reserved_concurrency]
}

run "refuses_log_level" {
  command = plan

  variables {
    log_level = "WARN"
  }

  expect_failures = [var.log_level]
}

run "refuses_log_retention_days" {
  command = plan

  variables {
    log_retention_days = 8
  }

  expect_failures = [var.log_retention_days]
}

run "refuses_event_retention_days" {
  command = plan

  variables {
    event_retention_days = -1
  }

  expect_failures = [var.event_retention_days]
}

run "refuses_archive_retention_days" {
  command = plan

  variables {
    archive_retention_days = 3651
  }

  expect_failures = [var.archive_retention_days]
}

run "refuses_max_future_skew_seconds" {
  command = plan

  variables {
    max_future_skew_seconds = -1
  }

  expect_failures = [var.max_future_skew_seconds]
}

run "refuses_debug_sample_rate" {
  command = plan

  variables {
    debug_sample_rate = 1.5
  }

  expect_failures = [var.debug_sample_rate]
}

run "refuses_window_size" {
  command = plan

  variables {
    window_size = 1
  }

  expect_failures = [var.window_size]
}

run "refuses_business_thresholds" {
  command = plan

  variables {
    business_thresholds = { price_spike = 10 }
  }

  expect_failures = [var.business_thresholds]
}

run "refuses_business_thresholds_2" {
  command = plan

  variables {
    business_thresholds = { spread_wide_bps = 0 }
  }

  expect_failures = [var.business_thresholds]
}

run "refuses_business_thresholds_3" {
  command = plan

  variables {
    business_thresholds = { sequence_gap = 1.5 }
  }

  expect_failures = [var.business_thresholds]
}

run "refuses_alert_email" {
  command = plan

  variables {
    alert_email = "operator"
  }

  expect_failures = [var.alert_email]
}

run "refuses_alerts_kms_key_arn" {
  command = plan

  variables {
    alerts_kms_key_arn = "alias/aws/sns"
  }

  expect_failures = [var.alerts_kms_key_arn]
}

run "refuses_console_url_base" {
  command = plan

  variables {
    console_url_base = "https://example.com/"
  }

  expect_failures = [var.console_url_base]
}

run "refuses_runbook_url" {
  command = plan

  variables {
    runbook_url = "ftp://example.com"
  }

  expect_failures = [var.runbook_url]
}

run "refuses_capacity_alarm_units_per_second" {
  command = plan

  variables {
    capacity_alarm_units_per_second = { read = 0, write = 1 }
  }

  expect_failures = [var.capacity_alarm_units_per_second]
}

run "refuses_async_age_alarm_seconds" {
  command = plan

  variables {
    async_age_alarm_seconds = 0
  }

  expect_failures = [var.async_age_alarm_seconds]
}

# The edges that are still allowed, all at once.
run "accepts_the_edges" {
  command = plan

  variables {
    environment             = "a-name-of-16-chr"
    reserved_concurrency    = -1
    memory_size             = 128
    timeout_seconds         = 900
    log_level               = "TRACE"
    archive_retention_days  = 0
    event_retention_days    = 3650
    max_future_skew_seconds = 0
    debug_sample_rate       = 1
    window_size             = 2
    business_thresholds     = { price_spike_zscore = 4.5, sequence_gap = 1 }
    alerts_kms_key_arn      = "arn:aws:kms:us-east-1:123456789012:key/0f1e2d3c"
    console_url_base        = "https://console.example.com"
    runbook_url             = "https://example.com/runbook"
    account_id              = ""
  }

  assert {
    condition     = length(aws_cloudwatch_event_archive.market_data.name) <= 48
    error_message = "EventBridge allows 48 characters in an archive's name."
  }

  assert {
    condition     = alltrue([for role in aws_iam_role.function : length(role.name) <= 64]) && alltrue([for function in aws_lambda_function.function : length(function.function_name) <= 64])
    error_message = "IAM and Lambda allow 64 characters in a name."
  }
}
