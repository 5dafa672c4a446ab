# ======================================================================================================================
# main.tf: every resource of the market-data pipeline.
#
#   feeds -> bus -> ingestion -> bus -> processing -> bus -> notification -> topic -> mail
#             \-> archive  \-> events table <-/
#
# In order: facts and names, function archives, IAM, DynamoDB, SQS, SNS, SSM, bus and rules, functions, permissions and
# targets, log groups and alarms, event archive, checks, outputs.
# ======================================================================================================================

# ======================================================================================================================
# FACTS AND NAMES
# ======================================================================================================================

data "aws_caller_identity" "current" {}

data "aws_region" "current" {}

data "aws_partition" "current" {}

data "aws_availability_zones" "available" {
  state = "available"

  # Without local zones, which are opted in to and of no use to regional services.
  filter {
    name   = "opt-in-status"
    values = ["opt-in-not-required"]
  }
}

# Names carry no random part, so a stack destroyed and made again has the same ones. This id tells the two apart: in
# every tag, and in what opsctl saves (journals, exported dead letters).
resource "random_id" "deployment" {
  byte_length = 4

  keepers = {
    environment = var.environment
  }
}

locals {
  account_id = data.aws_caller_identity.current.account_id
  region     = data.aws_region.current.name
  partition  = data.aws_partition.current.partition

  # No AWS account has this number; emulators do.
  is_emulator = local.account_id == "000000000000"

  # The three stages. Everything that exists once a stage walks this map.
  #   sources               who may send this stage its events: no stage matches its own, so none can trigger itself
  #   events_table_actions  what its code does to the events table
  #   queries_by_symbol     whether its code queries the symbol index
  #   publishes_events      whether it puts events on the bus
  #   publishes_alerts      whether it publishes to the alerts topic
  #   parameters            what it reads below the prefix, in one GetParameters call
  functions = {
    ingestion = {
      description          = "Validates raw market events and stores them"
      detail_type          = "MarketData.Raw"
      sources              = [{ prefix = "marketdata.feed" }]
      events_table_actions = ["dynamodb:PutItem"]
      queries_by_symbol    = false
      publishes_events     = true
      publishes_alerts     = false
      parameters           = ["events-table", "audit-table", "event-bus-name", "ingestion/dlq-url", "ingestion/config"]
    }
    processing = {
      description          = "Computes indicators over stored events and raises alerts"
      detail_type          = "MarketData.Validated"
      sources              = ["marketdata.ingestion"]
      events_table_actions = ["dynamodb:GetItem", "dynamodb:UpdateItem"]
      queries_by_symbol    = true
      publishes_events     = true
      publishes_alerts     = false
      parameters           = ["events-table", "audit-table", "event-bus-name", "processing/dlq-url", "processing/config", "alert-rules"]
    }
    notification = {
      description          = "Evaluates the alert rules and notifies people"
      detail_type          = "MarketData.Alert"
      sources              = ["marketdata.processing"]
      events_table_actions = []
      queries_by_symbol    = false
      publishes_events     = false
      publishes_alerts     = true
      parameters           = ["audit-table", "notification/dlq-url", "notification/config", "alert-rules", "alerts-topic-arn"]
    }
  }

  # Every name: {resource-type}-{purpose}-{environment}.
  name = {
    bus          = "eventbridge-market-data-${var.environment}"
    archive      = "archive-market-data-${var.environment}"
    events_table = "dynamodb-events-${var.environment}"
    audit_table  = "dynamodb-audit-${var.environment}"
    topic        = "sns-alerts-${var.environment}"
    parameters   = "/market-data/${var.environment}"
    alarm        = "alarm-%s-${var.environment}"
    type_index   = "event-type-timestamp-index"
    symbol_index = "symbol-timestamp-index"
    function     = { for stage in keys(local.functions) : stage => "lambda-${stage}-${var.environment}" }
    role         = { for stage in keys(local.functions) : stage => "role-${stage}-${var.environment}" }
    policy       = { for stage in keys(local.functions) : stage => "policy-${stage}-${var.environment}" }
    dlq          = { for stage in keys(local.functions) : stage => "sqs-${stage}-dlq-${var.environment}" }
    rule         = { for stage in keys(local.functions) : stage => "rule-${stage}-${var.environment}" }
    log_group    = { for stage in keys(local.functions) : stage => "/aws/lambda/lambda-${stage}-${var.environment}" }
  }

  # Of the metrics that the functions write as log lines; their code has the same name.
  metrics_namespace = "MarketData"

  default_tags = {
    Environment = var.environment
    Project     = var.project
    CostCenter  = var.cost_center
  }

  # Not among the provider's default tags: those must be known before the first resource is made.
  deployment_tags = { DeploymentId = random_id.deployment.hex }
}

# ======================================================================================================================
# FUNCTION ARCHIVES
# ======================================================================================================================

locals {
  functions_dir = can(regex("^(/|[A-Za-z]:)", var.functions_dir)) ? var.functions_dir : "${path.module}/${var.functions_dir}"
  binary        = { for stage in keys(local.functions) : stage => "${local.functions_dir}/${stage}_handler/bootstrap" }

  # The first bytes of an ELF file, and its machine field (bytes 18 to 20), as base64 has them.
  elf_magic   = "f0VM"
  elf_machine = { x86_64 = "PgAB", arm64 = "twAB" }
}

data "archive_file" "function" {
  for_each = local.functions

  type = "zip"
  # The stand-in is for a destroy alone, which reads this too but skips preconditions: it must not ask for binaries.
  source_file = fileexists(local.binary[each.key]) ? local.binary[each.key] : "${path.module}/main.tf"
  output_path = "${path.module}/.build/${each.key}.zip"

  lifecycle {
    precondition {
      condition     = fileexists(local.binary[each.key])
      error_message = "The ${each.key} function is not built: ${local.binary[each.key]} is missing. Run `make build` first, or set functions_dir."
    }

    # Lambda accepts any zip; a binary of the other architecture would only fail when it is first invoked.
    precondition {
      condition = try(
        substr(filebase64(local.binary[each.key]), 0, 4) != local.elf_magic
        || substr(filebase64(local.binary[each.key]), 24, 4) == local.elf_machine[var.architecture],
        true
      )
      error_message = "${local.binary[each.key]} was not built for ${var.architecture}. Build it for that, or set architecture."
    }
  }
}

# ======================================================================================================================
# IAM
# ======================================================================================================================

locals {
  # Policies name these and not the resources themselves: a document that refers to a resource is read anew, and its
  # policy planned as unknown, whenever that resource changes in whatever way.
  # Each is a local of its own, for none to wait for another's resource.
  events_table_arn = aws_dynamodb_table.events.arn
  audit_table_arn  = aws_dynamodb_table.audit.arn
  bus_arn          = aws_cloudwatch_event_bus.market_data.arn
  topic_arn        = aws_sns_topic.alerts.arn
  dlq_arn          = { for stage, queue in aws_sqs_queue.dlq : stage => queue.arn }
  rule_arn         = { for stage, rule in aws_cloudwatch_event_rule.stage : stage => rule.arn }
  parameter_arn = merge(
    { for name, parameter in aws_ssm_parameter.setting : name => parameter.arn },
    { "alert-rules" = aws_ssm_parameter.alert_rules.arn }
  )
}

data "aws_iam_policy_document" "assume" {
  statement {
    sid     = "LambdaAssumesRole"
    actions = ["sts:AssumeRole"]

    principals {
      type        = "Service"
      identifiers = ["lambda.amazonaws.com"]
    }
  }
}

resource "aws_iam_role" "function" {
  for_each = local.functions

  name               = local.name.role[each.key]
  description        = "Execution role of ${local.name.function[each.key]}"
  assume_role_policy = data.aws_iam_policy_document.assume.json
  tags               = merge(local.deployment_tags, { RoleType = "execution", Stage = each.key })
}

# What each function's code calls, on exactly what it calls it on, and nothing else. tests/policies.tftest.hcl holds the
# same list a second time, on purpose.
data "aws_iam_policy_document" "function" {
  for_each = local.functions

  statement {
    sid       = "ReadOwnParameters"
    actions   = ["ssm:GetParameters"]
    resources = [for name in each.value.parameters : local.parameter_arn[name]]
  }

  # Cool-downs are rows of this table too, taken by conditional writes. A failed condition returns the old row without
  # any permission to read.
  statement {
    sid       = "WriteAudit"
    actions   = ["dynamodb:PutItem"]
    resources = [local.audit_table_arn]
  }

  dynamic "statement" {
    for_each = length(each.value.events_table_actions) > 0 ? [each.value.events_table_actions] : []

    content {
      sid       = "UseEvents"
      actions   = statement.value
      resources = [local.events_table_arn]
    }
  }

  dynamic "statement" {
    for_each = each.value.queries_by_symbol ? [local.name.symbol_index] : []

    content {
      sid       = "QueryEventsBySymbol"
      actions   = ["dynamodb:Query"]
      resources = ["${local.events_table_arn}/index/${statement.value}"]
    }
  }

  dynamic "statement" {
    for_each = each.value.publishes_events ? [local.bus_arn] : []

    content {
      sid       = "PublishEvents"
      actions   = ["events:PutEvents"]
      resources = [statement.value]
    }
  }

  dynamic "statement" {
    for_each = each.value.publishes_alerts ? [local.topic_arn] : []

    content {
      sid       = "PublishAlerts"
      actions   = ["sns:Publish"]
      resources = [statement.value]
    }
  }

  dynamic "statement" {
    for_each = each.value.publishes_alerts && var.alerts_kms_key_arn != "" ? [var.alerts_kms_key_arn] : []

    content {
      sid       = "EncryptAlerts"
      actions   = ["kms:GenerateDataKey", "kms:Decrypt"]
      resources = [statement.value]
    }
  }

  # Used by the function (for an event that can never succeed) and by Lambda on its behalf (when retries are used up).
  statement {
    sid       = "SendToOwnDeadLetters"
    actions   = ["sqs:SendMessage"]
    resources = [local.dlq_arn[each.key]]
  }

  # X-Ray knows no resource-level permissions for these.
  statement {
    sid       = "WriteTraces"
    actions   = ["xray:PutTraceSegments", "xray:PutTelemetryRecords"]
    resources = ["*"]
  }
}

resource "aws_iam_role_policy" "function" {
  for_each = local.functions

  name   = local.name.policy[each.key]
  role   = aws_iam_role.function[each.key].id
  policy = data.aws_iam_policy_document.function[each.key].json
}

resource "aws_iam_role_policy_attachment" "logs" {
  for_each = local.functions

  role       = aws_iam_role.function[each.key].name
  policy_arn = "arn:${local.partition}:iam::aws:policy/service-role/AWSLambdaBasicExecutionRole"
}

# ======================================================================================================================
# DYNAMODB
# ======================================================================================================================

resource "aws_dynamodb_table" "events" {
  name                        = local.name.events_table
  billing_mode                = "PAY_PER_REQUEST"
  hash_key                    = "event_id"
  range_key                   = "timestamp"
  deletion_protection_enabled = var.deletion_protection
  tags                        = merge(local.deployment_tags, { TableType = "events" })

  attribute {
    name = "event_id"
    type = "S"
  }

  attribute {
    name = "timestamp"
    type = "S"
  }

  attribute {
    name = "event_type"
    type = "S"
  }

  attribute {
    name = "symbol"
    type = "S"
  }

  global_secondary_index {
    name            = local.name.type_index
    hash_key        = "event_type"
    range_key       = "timestamp"
    projection_type = "ALL"
  }

  # What indicators need and no more: each projected byte is written a second time and read fifty times an event.
  global_secondary_index {
    name               = local.name.symbol_index
    hash_key           = "symbol"
    range_key          = "timestamp"
    projection_type    = "INCLUDE"
    non_key_attributes = ["event_type", "price", "size", "bid", "ask", "sequence", "venue"]
  }

  # Enabled without a key: the AWS managed key instead of the AWS owned one, so its use shows in CloudTrail.
  server_side_encryption {
    enabled = true
  }

  point_in_time_recovery {
    enabled = true
  }

  # Always on: rows without the attribute stay, and ingestion writes it only when event_retention_days says so. Thus the
  # variable can change without touching the table, which DynamoDB allows once an hour.
  ttl {
    attribute_name = "expires_at"
    enabled        = true
  }
}

resource "aws_dynamodb_table" "audit" {
  name                        = local.name.audit_table
  billing_mode                = "PAY_PER_REQUEST"
  hash_key                    = "audit_id"
  range_key                   = "timestamp"
  deletion_protection_enabled = var.deletion_protection
  tags                        = merge(local.deployment_tags, { TableType = "audit" })

  attribute {
    name = "audit_id"
    type = "S"
  }

  attribute {
    name = "timestamp"
    type = "S"
  }

  server_side_encryption {
    enabled = true
  }

  point_in_time_recovery {
    enabled = true
  }

  # Only cool-down rows carry it; audit rows stay.
  ttl {
    attribute_name = "expires_at"
    enabled        = true
  }
}

# ======================================================================================================================
# SQS: one dead letter queue a stage
# ======================================================================================================================

# No redrive policy of their own: every look at a message counts as a receive and would in the end move it away.
resource "aws_sqs_queue" "dlq" {
  for_each = local.functions

  name                       = local.name.dlq[each.key]
  message_retention_seconds  = 345600 # 4 days
  visibility_timeout_seconds = 30
  sqs_managed_sse_enabled    = true
  policy                     = data.aws_iam_policy_document.dlq[each.key].json
  tags                       = merge(local.deployment_tags, { QueueType = "dead-letter", Stage = each.key })
}

# Lambda sends with the function's role; EventBridge has none and needs the queue's own leave. It is given with the queue
# and not by a resource of its own, for which the provider would wait another 25 seconds; hence the ARN by name.
data "aws_iam_policy_document" "dlq" {
  for_each = local.functions

  statement {
    sid       = "RuleSendsWhatItCannotDeliver"
    actions   = ["sqs:SendMessage"]
    resources = ["arn:${local.partition}:sqs:${local.region}:${local.account_id}:${local.name.dlq[each.key]}"]

    principals {
      type        = "Service"
      identifiers = ["events.amazonaws.com"]
    }

    condition {
      test     = "ArnEquals"
      variable = "aws:SourceArn"
      values   = [local.rule_arn[each.key]]
    }
  }
}

# ======================================================================================================================
# SNS
# ======================================================================================================================

# Not alias/aws/sns: the policy of an AWS managed key cannot admit CloudWatch, whose alarms would then fail unseen.
resource "aws_sns_topic" "alerts" {
  name              = local.name.topic
  display_name      = "Market data ${var.environment}"
  kms_master_key_id = var.alerts_kms_key_arn == "" ? null : var.alerts_kms_key_arn
  tags              = merge(local.deployment_tags, { TopicType = "alerts" })
}

data "aws_iam_policy_document" "alerts" {
  statement {
    sid       = "AlarmsOfThisStackPublish"
    actions   = ["sns:Publish"]
    resources = [local.topic_arn]

    principals {
      type        = "Service"
      identifiers = ["cloudwatch.amazonaws.com"]
    }

    condition {
      test     = "ArnLike"
      variable = "aws:SourceArn"
      values   = ["arn:${local.partition}:cloudwatch:${local.region}:${local.account_id}:alarm:${format(local.name.alarm, "*")}"]
    }

    condition {
      test     = "StringEquals"
      variable = "aws:SourceAccount"
      values   = [local.account_id]
    }
  }
}

resource "aws_sns_topic_policy" "alerts" {
  arn    = aws_sns_topic.alerts.arn
  policy = data.aws_iam_policy_document.alerts.json
}

resource "aws_sns_topic_subscription" "email" {
  count = var.alert_email == "" ? 0 : 1

  topic_arn = aws_sns_topic.alerts.arn
  protocol  = "email"
  endpoint  = var.alert_email
}

# ======================================================================================================================
# SSM: what the functions need to know
# ======================================================================================================================

locals {
  alert_rules_file = var.alert_rules_file == "" ? "${path.module}/envs/alert-rules.json" : var.alert_rules_file
  alert_rules      = try(jsondecode(file(local.alert_rules_file)), null)
  alert_rule_ids   = try([for rule in local.alert_rules.rules : rule.id], [])

  settings = merge(
    {
      "events-table"     = { description = "Name of the events table", value = aws_dynamodb_table.events.name }
      "audit-table"      = { description = "Name of the audit table", value = aws_dynamodb_table.audit.name }
      "event-bus-name"   = { description = "Name of the event bus", value = aws_cloudwatch_event_bus.market_data.name }
      "alerts-topic-arn" = { description = "Topic that alerts are published to", value = aws_sns_topic.alerts.arn }
      "ingestion/config" = {
        description = "Settings of ingestion (JSON)"
        value = jsonencode(merge(
          { max_future_skew_seconds = var.max_future_skew_seconds, debug_sample_rate = var.debug_sample_rate },
          var.event_retention_days > 0 ? { event_retention_days = var.event_retention_days } : {}
        ))
      }
      "processing/config" = {
        description = "Settings of processing (JSON)"
        value       = jsonencode(merge({ window_size = var.window_size }, var.business_thresholds))
      }
      "notification/config" = {
        description = "Settings of notification (JSON)"
        value = jsonencode({
          console_url_base = coalesce(var.console_url_base, "https://${local.region}.console.aws.amazon.com")
          runbook_url      = var.runbook_url
          events_table     = local.name.events_table # for the link to the event; notification does not read it
        })
      }
    },
    {
      for stage in keys(local.functions) :
      "${stage}/dlq-url" => { description = "Dead letter queue of ${stage}", value = aws_sqs_queue.dlq[stage].url }
    }
  )
}

# insecure_value: none of this is secret, and a plan should show what it changes.
resource "aws_ssm_parameter" "setting" {
  for_each = local.settings

  name           = "${local.name.parameters}/${each.key}"
  description    = each.value.description
  type           = "String"
  insecure_value = each.value.value
  tags           = merge(local.deployment_tags, { ParameterType = "setting" })
}

resource "aws_ssm_parameter" "alert_rules" {
  name           = "${local.name.parameters}/alert-rules"
  description    = "Alert rules document, version 1 (JSON)"
  type           = "String"
  tier           = "Intelligent-Tiering" # free up to 4 KB; grows to 8 KB by itself when rules are added
  insecure_value = jsonencode(local.alert_rules)
  tags           = merge(local.deployment_tags, { ParameterType = "rules" })

  lifecycle {
    # Rules are changed while the pipeline runs (`opsctl rules set`), often in a hurry; an unrelated deployment must not
    # quietly bring back an older edition. To go back to the file: terraform apply -replace=aws_ssm_parameter.alert_rules
    ignore_changes = [insecure_value]

    precondition {
      condition     = local.alert_rules != null
      error_message = "The alert rules in ${local.alert_rules_file} cannot be read as JSON. `opsctl rules check` says where they are wrong."
    }

    precondition {
      condition     = local.alert_rules == null || try(local.alert_rules.version == 1 && length(local.alert_rules.rules) >= 0, false)
      error_message = "The alert rules in ${local.alert_rules_file} must be {\"version\": 1, \"rules\": [...]}."
    }

    precondition {
      condition     = length(distinct(local.alert_rule_ids)) == length(local.alert_rule_ids)
      error_message = "The alert rules in ${local.alert_rules_file} use an id twice."
    }

    precondition {
      condition     = length(jsonencode(local.alert_rules)) <= 8192
      error_message = "The alert rules in ${local.alert_rules_file} are longer than the 8 KB that a parameter holds."
    }
  }
}

# ======================================================================================================================
# EVENT BUS AND RULES
# ======================================================================================================================

resource "aws_cloudwatch_event_bus" "market_data" {
  name = local.name.bus
  tags = merge(local.deployment_tags, { BusType = "market-data" })
}

# Source and detail-type must both match.
resource "aws_cloudwatch_event_rule" "stage" {
  for_each = local.functions

  name           = local.name.rule[each.key]
  description    = "${each.value.detail_type} to ${local.name.function[each.key]}"
  event_bus_name = aws_cloudwatch_event_bus.market_data.name
  event_pattern  = jsonencode({ source = each.value.sources, "detail-type" = [each.value.detail_type] })
  tags           = merge(local.deployment_tags, { RuleType = "stage", Stage = each.key })
}

# ======================================================================================================================
# FUNCTIONS
# ======================================================================================================================

# 100 of an account's concurrency must stay unreserved, and fresh accounts often have 10 or 50 in all: without this the
# apply would fail half way, at the first function that no longer fits.
data "aws_servicequotas_service_quota" "lambda_concurrency" {
  count = var.check_concurrency_quota && var.reserved_concurrency > 0 && !local.is_emulator ? 1 : 0

  service_code = "lambda"
  quota_code   = "L-B99A9384"

  lifecycle {
    postcondition {
      condition     = self.value >= 100 + length(local.functions) * var.reserved_concurrency
      error_message = "The account's Lambda concurrency quota is ${self.value}, but reserving ${length(local.functions)} x ${var.reserved_concurrency} needs ${100 + length(local.functions) * var.reserved_concurrency}, for 100 must stay unreserved. Ask for a higher quota (L-B99A9384), or set reserved_concurrency = -1."
    }
  }
}

resource "aws_lambda_function" "function" {
  for_each = local.functions

  function_name                  = local.name.function[each.key]
  description                    = each.value.description
  role                           = aws_iam_role.function[each.key].arn
  runtime                        = "provided.al2023"
  handler                        = "bootstrap"
  architectures                  = [var.architecture]
  filename                       = data.archive_file.function[each.key].output_path
  source_code_hash               = data.archive_file.function[each.key].output_base64sha256
  memory_size                    = var.memory_size
  timeout                        = var.timeout_seconds
  reserved_concurrent_executions = var.reserved_concurrency
  tags                           = merge(local.deployment_tags, { FunctionType = each.key })

  environment {
    variables = { PARAMETER_PREFIX = local.name.parameters }
  }

  dead_letter_config {
    target_arn = aws_sqs_queue.dlq[each.key].arn
  }

  tracing_config {
    mode = "Active"
  }

  logging_config {
    log_format            = "JSON"
    application_log_level = var.log_level
    system_log_level      = "INFO" # the reports with durations are INFO
    log_group             = aws_cloudwatch_log_group.function[each.key].name
  }

  depends_on = [
    # Lambda checks at creation that the role may send to the dead letter queue; and the policy names the settings, so
    # those are there before the first event.
    aws_iam_role_policy.function,
    aws_iam_role_policy_attachment.logs,
    # Else Lambda makes the group itself at the first event, without retention, and the apply finds it taken.
    aws_cloudwatch_log_group.function,
    # No function before the account is known to have room for all three.
    data.aws_servicequotas_service_quota.lambda_concurrency,
  ]
}

# Three attempts in all: the first, one after a minute and one after two more. Then the function's dead letter queue.
resource "aws_lambda_function_event_invoke_config" "function" {
  for_each = local.functions

  function_name                = aws_lambda_function.function[each.key].function_name
  maximum_retry_attempts       = 2
  maximum_event_age_in_seconds = 21600
}

# ======================================================================================================================
# PERMISSIONS AND TARGETS
# ======================================================================================================================

resource "aws_lambda_permission" "rule" {
  for_each = local.functions

  statement_id  = "AllowRule"
  action        = "lambda:InvokeFunction"
  function_name = aws_lambda_function.function[each.key].function_name
  principal     = "events.amazonaws.com"
  source_arn    = aws_cloudwatch_event_rule.stage[each.key].arn
}

# Its dead letters are a second path to the same queue: what EventBridge cannot hand to Lambda at all, because the
# permission or the function is gone.
resource "aws_cloudwatch_event_target" "stage" {
  for_each = local.functions

  rule           = aws_cloudwatch_event_rule.stage[each.key].name
  event_bus_name = aws_cloudwatch_event_bus.market_data.name
  target_id      = local.name.function[each.key]
  arn            = aws_lambda_function.function[each.key].arn

  retry_policy {
    maximum_event_age_in_seconds = 3600
    maximum_retry_attempts       = 30
  }

  dead_letter_config {
    arn = aws_sqs_queue.dlq[each.key].arn
  }

  depends_on = [
    # Events flow as soon as this exists. Without the permission each would fail for good ...
    aws_lambda_permission.rule,
    # ... and without this Lambda's defaults would govern the first retries.
    aws_lambda_function_event_invoke_config.function,
  ]
}

# ======================================================================================================================
# LOG GROUPS AND ALARMS
# ======================================================================================================================

resource "aws_cloudwatch_log_group" "function" {
  for_each = local.functions

  name              = local.name.log_group[each.key]
  retention_in_days = var.log_retention_days
  tags              = merge(local.deployment_tags, { LogType = "function", Stage = each.key })
}

locals {
  # CloudWatch accepts an alarm with a wrong dimension, which then never sees data: so they are built here alone.
  stage_dimensions = {
    for stage in keys(local.functions) : stage => {
      function = { FunctionName = local.name.function[stage] }
      queue    = { QueueName = local.name.dlq[stage] }
      rule     = { EventBusName = local.name.bus, RuleName = local.name.rule[stage] }
      stage    = { Stage = stage }
    }
  }

  # A table's own metrics leave out its indexes, which have theirs under both dimensions.
  table_dimensions = {
    events              = { TableName = local.name.events_table }
    events-type-index   = { TableName = local.name.events_table, GlobalSecondaryIndexName = local.name.type_index }
    events-symbol-index = { TableName = local.name.events_table, GlobalSecondaryIndexName = local.name.symbol_index }
    audit               = { TableName = local.name.audit_table }
  }

  stage_alarm_kinds = {
    errors = {
      of    = "function", namespace = "AWS/Lambda", metric_name = "Errors", statistic = "Sum", above = 0
      means = "invocations failed; each is retried twice and then goes to the dead letter queue"
    }
    throttles = {
      of    = "function", namespace = "AWS/Lambda", metric_name = "Throttles", statistic = "Sum", above = 0
      means = "invocations were refused for want of concurrency; they wait and are tried again for 6 hours"
    }
    dead-letter-errors = {
      of    = "function", namespace = "AWS/Lambda", metric_name = "DeadLetterErrors", statistic = "Sum", above = 0
      means = "EVENTS ARE LOST: Lambda could not send to the dead letter queue; check the role and the queue"
    }
    async-age = {
      of    = "function", namespace = "AWS/Lambda", metric_name = "AsyncEventAge", statistic = "Maximum", above = var.async_age_alarm_seconds * 1000
      means = "events waited longer than ${var.async_age_alarm_seconds} s: the stage falls behind, or retries"
    }
    dlq-depth = {
      of    = "queue", namespace = "AWS/SQS", metric_name = "ApproximateNumberOfMessagesVisible", statistic = "Maximum", above = 0
      means = "dead letters wait to be looked at, 4 days at most (opsctl dlq list)"
    }
    target-failures = {
      of    = "rule", namespace = "AWS/Events", metric_name = "FailedInvocations", statistic = "Sum", above = 0
      means = "the rule could not invoke the function: the permission or the function is gone"
    }
    target-dlq = {
      of    = "rule", namespace = "AWS/Events", metric_name = "InvocationsSentToDlq", statistic = "Sum", above = 0
      means = "the rule gave events up and sent them to the dead letter queue"
    }
    target-dlq-errors = {
      of    = "rule", namespace = "AWS/Events", metric_name = "InvocationsFailedToBeSentToDlq", statistic = "Sum", above = 0
      means = "EVENTS ARE LOST: the rule could not send to the dead letter queue; check the queue's policy"
    }
    rules-invalid = {
      of    = "stage", namespace = local.metrics_namespace, metric_name = "RulesInvalid", statistic = "Sum", above = 0
      means = "the alert rules are not valid, and earlier ones are in use, or none (opsctl rules check)"
    }
  }

  # Each of a stage's kinds, but for what a stage cannot have.
  stage_alarms = [
    for pair in setproduct(keys(local.functions), keys(local.stage_alarm_kinds)) : pair
    if pair[1] != "rules-invalid" || contains(local.functions[pair[0]].parameters, "alert-rules")
  ]

  table_alarm_kinds = {
    read-capacity = {
      metric_name = "ConsumedReadCapacityUnits", above = var.capacity_alarm_units_per_second.read * 60
      means       = "more than ${var.capacity_alarm_units_per_second.read} read units a second over a minute"
    }
    write-capacity = {
      metric_name = "ConsumedWriteCapacityUnits", above = var.capacity_alarm_units_per_second.write * 60
      means       = "more than ${var.capacity_alarm_units_per_second.write} write units a second over a minute"
    }
    write-throttles = {
      metric_name = "WriteThrottleEvents", above = 0
      means       = "writes are throttled; a full index throttles its table"
    }
  }

  alarms = merge(
    {
      for pair in local.stage_alarms : join("-", pair) => {
        stage       = pair[0]
        kind        = pair[1]
        description = "${pair[0]}: ${local.stage_alarm_kinds[pair[1]].means}"
        namespace   = local.stage_alarm_kinds[pair[1]].namespace
        metric_name = local.stage_alarm_kinds[pair[1]].metric_name
        statistic   = local.stage_alarm_kinds[pair[1]].statistic
        threshold   = local.stage_alarm_kinds[pair[1]].above
        dimensions  = local.stage_dimensions[pair[0]][local.stage_alarm_kinds[pair[1]].of]
      }
    },
    {
      for pair in setproduct(keys(local.table_dimensions), keys(local.table_alarm_kinds)) : join("-", pair) => {
        stage       = null
        kind        = pair[1]
        description = "${pair[0]}: ${local.table_alarm_kinds[pair[1]].means}"
        namespace   = "AWS/DynamoDB"
        metric_name = local.table_alarm_kinds[pair[1]].metric_name
        statistic   = "Sum"
        threshold   = local.table_alarm_kinds[pair[1]].above
        dimensions  = local.table_dimensions[pair[0]]
      }
    }
  )
}

resource "aws_cloudwatch_metric_alarm" "alarm" {
  for_each = local.alarms

  alarm_name          = format(local.name.alarm, each.key)
  alarm_description   = each.value.description
  namespace           = each.value.namespace
  metric_name         = each.value.metric_name
  dimensions          = each.value.dimensions
  statistic           = each.value.statistic
  comparison_operator = "GreaterThanThreshold"
  threshold           = each.value.threshold
  period              = 60
  evaluation_periods  = 1
  treat_missing_data  = "notBreaching" # these metrics only come while something happens
  alarm_actions       = [aws_sns_topic.alerts.arn]
  ok_actions          = [aws_sns_topic.alerts.arn]
  tags                = merge(local.deployment_tags, { AlarmType = each.value.kind })

  # An alarm's first change of state, before the topic admits CloudWatch, would be announced to nobody.
  depends_on = [aws_sns_topic_policy.alerts]
}

# ======================================================================================================================
# EVENT ARCHIVE
# ======================================================================================================================

# Without a pattern: every event of the bus, those that the functions publish too. Replays are not archived again.
resource "aws_cloudwatch_event_archive" "market_data" {
  name             = local.name.archive
  description      = "Every event of ${local.name.bus}, for replay"
  event_source_arn = aws_cloudwatch_event_bus.market_data.arn
  retention_days   = var.archive_retention_days
}

# ======================================================================================================================
# CHECKS: warnings about what works, but hardly as meant
# ======================================================================================================================

check "somebody_is_told" {
  assert {
    condition     = var.alert_email != ""
    error_message = "alert_email is not set: alerts and alarms are published to ${local.name.topic}, but mailed to nobody."
  }
}

check "stages_run" {
  assert {
    condition     = var.reserved_concurrency != 0
    error_message = "reserved_concurrency is 0: no stage runs, and every new event goes straight to a dead letter queue."
  }
}

check "production_is_protected" {
  assert {
    condition     = !startswith(var.environment, "prod") || var.deletion_protection
    error_message = "deletion_protection is off in ${var.environment}: a destroy takes the tables and their history."
  }
}

check "production_is_reserved" {
  assert {
    condition     = !startswith(var.environment, "prod") || var.reserved_concurrency > 0
    error_message = "No concurrency is reserved in ${var.environment}: another function of the account can starve the pipeline."
  }
}

# ======================================================================================================================
# OUTPUTS
# ======================================================================================================================

# The one that opsctl reads; the others are for people and scripts. A change of its shape changes schema_version.
output "opsctl" {
  description = "Everything that opsctl needs to know of the stack."
  value = {
    schema_version    = 1
    project           = var.project
    environment       = var.environment
    region            = local.region
    account_id        = local.account_id
    deployment_id     = random_id.deployment.hex
    event_bus         = { name = aws_cloudwatch_event_bus.market_data.name, arn = aws_cloudwatch_event_bus.market_data.arn }
    archive           = { name = aws_cloudwatch_event_archive.market_data.name, arn = aws_cloudwatch_event_archive.market_data.arn }
    alerts_topic_arn  = aws_sns_topic.alerts.arn
    parameter_prefix  = local.name.parameters
    metrics_namespace = local.metrics_namespace
    tables = {
      events = {
        name             = aws_dynamodb_table.events.name
        arn              = aws_dynamodb_table.events.arn
        event_type_index = local.name.type_index
        symbol_index     = local.name.symbol_index
      }
      audit = {
        name = aws_dynamodb_table.audit.name
        arn  = aws_dynamodb_table.audit.arn
      }
    }
    stages = {
      for stage, function in aws_lambda_function.function : stage => {
        function_name        = function.function_name
        function_arn         = function.arn
        role_name            = aws_iam_role.function[stage].name
        dlq_name             = aws_sqs_queue.dlq[stage].name
        dlq_url              = aws_sqs_queue.dlq[stage].url
        dlq_arn              = aws_sqs_queue.dlq[stage].arn
        rule_name            = aws_cloudwatch_event_rule.stage[stage].name
        rule_arn             = aws_cloudwatch_event_rule.stage[stage].arn
        log_group            = aws_cloudwatch_log_group.function[stage].name
        reserved_concurrency = function.reserved_concurrent_executions
        detail_type          = local.functions[stage].detail_type
      }
    }
    alarms = [
      for key, alarm in aws_cloudwatch_metric_alarm.alarm : {
        name  = alarm.alarm_name
        stage = local.alarms[key].stage
        kind  = local.alarms[key].kind
      }
    ]
  }
}

# ----------------------------------------------------------------------------------------------------------------------
# Where and whose
# ----------------------------------------------------------------------------------------------------------------------

output "project" {
  description = "Value of the Project tag."
  value       = var.project
}

output "environment" {
  description = "Name of this copy of the stack."
  value       = var.environment
}

output "region" {
  description = "Region of every resource."
  value       = local.region
}

output "account_id" {
  description = "Account of every resource."
  value       = local.account_id
}

output "availability_zones" {
  description = "Zones of the region that are open to the account; the services used here spread over them by themselves."
  value       = data.aws_availability_zones.available.names
}

output "deployment_id" {
  description = "Random id of this deployment, the DeploymentId tag: a stack destroyed and made again has another."
  value       = random_id.deployment.hex
}

output "default_tags" {
  description = "Tags of every resource."
  value       = local.default_tags
}

# ----------------------------------------------------------------------------------------------------------------------
# Bus, rules and archive
# ----------------------------------------------------------------------------------------------------------------------

output "event_bus_name" {
  description = "Name of the event bus; feeds publish MarketData.Raw to it."
  value       = aws_cloudwatch_event_bus.market_data.name
}

output "event_bus_arn" {
  description = "ARN of the event bus."
  value       = aws_cloudwatch_event_bus.market_data.arn
}

output "archive_name" {
  description = "Name of the archive that replays start from."
  value       = aws_cloudwatch_event_archive.market_data.name
}

output "archive_arn" {
  description = "ARN of the archive."
  value       = aws_cloudwatch_event_archive.market_data.arn
}

output "ingestion_rule_arn" {
  description = "ARN of the rule that feeds ingestion; a replay can be limited to it."
  value       = aws_cloudwatch_event_rule.stage["ingestion"].arn
}

output "processing_rule_arn" {
  description = "ARN of the rule that feeds processing; a replay can be limited to it."
  value       = aws_cloudwatch_event_rule.stage["processing"].arn
}

output "notification_rule_arn" {
  description = "ARN of the rule that feeds notification; a replay can be limited to it."
  value       = aws_cloudwatch_event_rule.stage["notification"].arn
}

# ----------------------------------------------------------------------------------------------------------------------
# Functions
# ----------------------------------------------------------------------------------------------------------------------

output "ingestion_function_name" {
  description = "Name of the ingestion function."
  value       = aws_lambda_function.function["ingestion"].function_name
}

output "processing_function_name" {
  description = "Name of the processing function."
  value       = aws_lambda_function.function["processing"].function_name
}

output "notification_function_name" {
  description = "Name of the notification function."
  value       = aws_lambda_function.function["notification"].function_name
}

output "ingestion_function_arn" {
  description = "ARN of the ingestion function."
  value       = aws_lambda_function.function["ingestion"].arn
}

output "processing_function_arn" {
  description = "ARN of the processing function."
  value       = aws_lambda_function.function["processing"].arn
}

output "notification_function_arn" {
  description = "ARN of the notification function."
  value       = aws_lambda_function.function["notification"].arn
}

output "ingestion_role_arn" {
  description = "ARN of the role that ingestion runs with."
  value       = aws_iam_role.function["ingestion"].arn
}

output "processing_role_arn" {
  description = "ARN of the role that processing runs with."
  value       = aws_iam_role.function["processing"].arn
}

output "notification_role_arn" {
  description = "ARN of the role that notification runs with."
  value       = aws_iam_role.function["notification"].arn
}

output "ingestion_log_group_name" {
  description = "Log group of the ingestion function."
  value       = aws_cloudwatch_log_group.function["ingestion"].name
}

output "processing_log_group_name" {
  description = "Log group of the processing function."
  value       = aws_cloudwatch_log_group.function["processing"].name
}

output "notification_log_group_name" {
  description = "Log group of the notification function."
  value       = aws_cloudwatch_log_group.function["notification"].name
}

output "architecture" {
  description = "Instruction set of the functions."
  value       = var.architecture
}

output "reserved_concurrency" {
  description = "Environments reserved for each function; -1 is none."
  value       = var.reserved_concurrency
}

# ----------------------------------------------------------------------------------------------------------------------
# Dead letter queues
# ----------------------------------------------------------------------------------------------------------------------

output "ingestion_dlq_url" {
  description = "URL of the dead letter queue of ingestion."
  value       = aws_sqs_queue.dlq["ingestion"].url
}

output "processing_dlq_url" {
  description = "URL of the dead letter queue of processing."
  value       = aws_sqs_queue.dlq["processing"].url
}

output "notification_dlq_url" {
  description = "URL of the dead letter queue of notification."
  value       = aws_sqs_queue.dlq["notification"].url
}

output "ingestion_dlq_arn" {
  description = "ARN of the dead letter queue of ingestion."
  value       = aws_sqs_queue.dlq["ingestion"].arn
}

output "processing_dlq_arn" {
  description = "ARN of the dead letter queue of processing."
  value       = aws_sqs_queue.dlq["processing"].arn
}

output "notification_dlq_arn" {
  description = "ARN of the dead letter queue of notification."
  value       = aws_sqs_queue.dlq["notification"].arn
}

# ----------------------------------------------------------------------------------------------------------------------
# Tables
# ----------------------------------------------------------------------------------------------------------------------

output "events_table_name" {
  description = "Name of the events table."
  value       = aws_dynamodb_table.events.name
}

output "events_table_arn" {
  description = "ARN of the events table."
  value       = aws_dynamodb_table.events.arn
}

output "events_type_index_name" {
  description = "Index of the events table by type and time."
  value       = local.name.type_index
}

output "events_symbol_index_name" {
  description = "Index of the events table by symbol and time."
  value       = local.name.symbol_index
}

output "audit_table_name" {
  description = "Name of the audit table, which holds the cool-downs too."
  value       = aws_dynamodb_table.audit.name
}

output "audit_table_arn" {
  description = "ARN of the audit table."
  value       = aws_dynamodb_table.audit.arn
}

# ----------------------------------------------------------------------------------------------------------------------
# Alerts and alarms
# ----------------------------------------------------------------------------------------------------------------------

output "alerts_topic_name" {
  description = "Name of the topic of alerts and alarms."
  value       = aws_sns_topic.alerts.name
}

output "alerts_topic_arn" {
  description = "ARN of the topic of alerts and alarms."
  value       = aws_sns_topic.alerts.arn
}

output "alerts_subscription_arn" {
  description = "ARN of the mail subscription, or null when nobody is mailed."
  value       = one(aws_sns_topic_subscription.email[*].arn)
}

output "alarm_names" {
  description = "Names of all alarms."
  value       = sort([for alarm in aws_cloudwatch_metric_alarm.alarm : alarm.alarm_name])
}

output "alarm_arns" {
  description = "ARNs of all alarms, by name."
  value       = { for alarm in aws_cloudwatch_metric_alarm.alarm : alarm.alarm_name => alarm.arn }
}

output "metrics_namespace" {
  description = "CloudWatch namespace of the functions' own metrics."
  value       = local.metrics_namespace
}

# ----------------------------------------------------------------------------------------------------------------------
# Settings
# ----------------------------------------------------------------------------------------------------------------------

output "parameter_prefix" {
  description = "Prefix of the SSM parameters that the functions read."
  value       = local.name.parameters
}

output "parameter_names" {
  description = "Names of all SSM parameters of the stack."
  value       = sort(concat([for parameter in aws_ssm_parameter.setting : parameter.name], [aws_ssm_parameter.alert_rules.name]))
}

output "alert_rules_parameter_name" {
  description = "Parameter that holds the alert rules."
  value       = aws_ssm_parameter.alert_rules.name
}
