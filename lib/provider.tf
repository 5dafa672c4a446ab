# ======================================================================================================================
# provider.tf: versions, providers and every variable. All resources are in main.tf.
# ======================================================================================================================

terraform {
  required_version = ">= 1.9"

  required_providers {
    aws = {
      source  = "hashicorp/aws"
      version = "~> 5.0"
    }
    random = {
      source  = "hashicorp/random"
      version = "~> 3.6"
    }
    archive = {
      source = "hashicorp/archive"
      # 1.3 is the last one that can be built from its Go module where the registry cannot be reached.
      version = ">= 1.3, < 3.0"
    }
  }
}

# Credentials come from the environment or the profile. AWS_ENDPOINT_URL, when set, sends every call to an emulator.
provider "aws" {
  region              = var.region
  max_retries         = var.aws_max_retries
  allowed_account_ids = var.account_id == "" ? null : [var.account_id]

  default_tags {
    tags = local.default_tags
  }
}

# ----------------------------------------------------------------------------------------------------------------------
# Where and whose
# ----------------------------------------------------------------------------------------------------------------------

variable "environment" {
  type        = string
  description = "Name of this copy of the stack; the last part of every resource's name (dev, prod, local)."
  default     = "dev"

  validation {
    condition     = can(regex("^[a-z][a-z0-9-]{0,14}[a-z0-9]$", var.environment))
    error_message = "environment must be 2 to 16 of a-z, 0-9 and '-', begin with a letter and not end with '-'."
  }
}

variable "project" {
  type        = string
  description = "Value of the Project tag."
  default     = "market-data-pipeline"

  validation {
    condition     = can(regex("^[A-Za-z0-9 _.:/=+@-]{1,128}$", var.project))
    error_message = "project must be 1 to 128 characters that AWS allows in a tag's value."
  }
}

variable "cost_center" {
  type        = string
  description = "Value of the CostCenter tag, for the bill."
  default     = "market-data"

  validation {
    condition     = can(regex("^[A-Za-z0-9 _.:/=+@-]{1,128}$", var.cost_center))
    error_message = "cost_center must be 1 to 128 characters that AWS allows in a tag's value."
  }
}

variable "region" {
  type        = string
  description = "AWS region of every resource."
  default     = "us-east-1"

  validation {
    condition     = can(regex("^[a-z]{2}(-[a-z]+)+-[0-9]{1,2}$", var.region))
    error_message = "region must be the name of an AWS region, such as us-east-1."
  }
}

variable "account_id" {
  type        = string
  description = "The only account that may be deployed to; guards production against another account's credentials. Empty: any."
  default     = ""

  validation {
    condition     = can(regex("^([0-9]{12})?$", var.account_id))
    error_message = "account_id must be 12 digits, or empty for any account."
  }
}

variable "aws_max_retries" {
  type        = number
  description = "How often the provider repeats a failed AWS call. 25 rides out throttling; an emulator wants 3, for 25 take nine minutes over a lasting 500 (AWS_MAX_ATTEMPTS does not reach the provider)."
  default     = 25

  validation {
    condition     = var.aws_max_retries >= 1 && var.aws_max_retries <= 50 && floor(var.aws_max_retries) == var.aws_max_retries
    error_message = "aws_max_retries must be a whole number from 1 to 50."
  }
}

# ----------------------------------------------------------------------------------------------------------------------
# Functions
# ----------------------------------------------------------------------------------------------------------------------

variable "functions_dir" {
  type        = string
  description = "Folder of the built functions, {functions_dir}/{stage}_handler/bootstrap. A relative path starts at this module."
  default     = "../target/lambda"

  validation {
    condition     = length(trimspace(var.functions_dir)) > 0
    error_message = "functions_dir must name a folder."
  }
}

variable "architecture" {
  type        = string
  description = "Instruction set that the functions were built for. arm64 (Graviton) is 20 % cheaper."
  default     = "x86_64"

  validation {
    condition     = contains(["x86_64", "arm64"], var.architecture)
    error_message = "architecture must be x86_64 or arm64."
  }
}

variable "memory_size" {
  type        = number
  description = "Memory of each function, MB; CPU is in proportion."
  default     = 256

  validation {
    condition     = var.memory_size >= 128 && var.memory_size <= 10240 && floor(var.memory_size) == var.memory_size
    error_message = "memory_size must be a whole number of MB from 128 to 10240."
  }
}

variable "timeout_seconds" {
  type        = number
  description = "Longest run of one invocation, seconds."
  default     = 30

  validation {
    condition     = var.timeout_seconds >= 1 && var.timeout_seconds <= 900 && floor(var.timeout_seconds) == var.timeout_seconds
    error_message = "timeout_seconds must be a whole number from 1 to 900."
  }
}

variable "reserved_concurrency" {
  type        = number
  description = "Environments reserved for each of the three functions, and so the most that run at once. -1 reserves none; 0 pauses: new events go straight to the dead letter queues."
  default     = 10

  validation {
    condition     = var.reserved_concurrency >= -1 && var.reserved_concurrency <= 1000 && floor(var.reserved_concurrency) == var.reserved_concurrency
    error_message = "reserved_concurrency must be a whole number from -1 (none) to 1000."
  }
}

variable "check_concurrency_quota" {
  type        = bool
  description = "Read the account's Lambda concurrency quota and refuse a plan that could not reserve its share. Needs servicequotas:GetServiceQuota; set false if the deployer may not have it."
  default     = true
}

variable "log_level" {
  type        = string
  description = "Lowest level of the functions' own log lines. Metrics are log lines of level INFO (EMF), so WARN and above, which would drop them unseen, are not offered."
  default     = "INFO"

  validation {
    condition     = contains(["TRACE", "DEBUG", "INFO"], var.log_level)
    error_message = "log_level must be TRACE, DEBUG or INFO: a higher level would drop the metrics, which are log lines of level INFO."
  }
}

variable "log_retention_days" {
  type        = number
  description = "Days that the functions' logs are kept; one of the values CloudWatch Logs offers."
  default     = 7

  validation {
    condition     = contains([1, 3, 5, 7, 14, 30, 60, 90, 120, 150, 180, 365, 400, 545, 731, 1096, 1827, 2192, 2557, 2922, 3288, 3653], var.log_retention_days)
    error_message = "log_retention_days must be a retention that CloudWatch Logs offers: 1, 3, 5, 7, 14, 30, 60, 90, 120, 150, 180, 365, 400, 545, 731, 1096, 1827, 2192, 2557, 2922, 3288 or 3653."
  }
}

# ----------------------------------------------------------------------------------------------------------------------
# Data
# ----------------------------------------------------------------------------------------------------------------------

variable "deletion_protection" {
  type        = bool
  description = "Refuse to delete the tables. It must be applied as false before a destroy."
  default     = false
}

variable "event_retention_days" {
  type        = number
  description = "Days that rows of the events table live: ingestion then writes expires_at, the table's TTL. 0 keeps them for ever. Rows already written keep what they were given."
  default     = 0

  validation {
    condition     = var.event_retention_days >= 0 && var.event_retention_days <= 3650 && floor(var.event_retention_days) == var.event_retention_days
    error_message = "event_retention_days must be a whole number from 0 (for ever) to 3650."
  }
}

variable "archive_retention_days" {
  type        = number
  description = "Days that the bus's archive keeps events for replay. 0 keeps them for ever."
  default     = 90

  validation {
    condition     = var.archive_retention_days >= 0 && var.archive_retention_days <= 3650 && floor(var.archive_retention_days) == var.archive_retention_days
    error_message = "archive_retention_days must be a whole number from 0 (for ever) to 3650."
  }
}

# ----------------------------------------------------------------------------------------------------------------------
# Pipeline settings, handed to the functions through SSM
# ----------------------------------------------------------------------------------------------------------------------

variable "max_future_skew_seconds" {
  type        = number
  description = "How far an event's own timestamp may lie ahead of its receipt before ingestion rejects it, seconds."
  default     = 300

  validation {
    condition     = var.max_future_skew_seconds >= 0 && var.max_future_skew_seconds <= 86400 && floor(var.max_future_skew_seconds) == var.max_future_skew_seconds
    error_message = "max_future_skew_seconds must be a whole number from 0 to 86400."
  }
}

variable "debug_sample_rate" {
  type        = number
  description = "Share of events, 0 to 1, that all three stages log everything about. The same event is always chosen or not, by its id."
  default     = 0

  validation {
    condition     = var.debug_sample_rate >= 0 && var.debug_sample_rate <= 1
    error_message = "debug_sample_rate must be 0 (no event) to 1 (every event)."
  }
}

variable "window_size" {
  type        = number
  description = "How many of a symbol's earlier events the indicators stand on."
  default     = 50

  validation {
    condition     = var.window_size >= 2 && var.window_size <= 500 && floor(var.window_size) == var.window_size
    error_message = "window_size must be a whole number from 2 to 500."
  }
}

variable "business_thresholds" {
  type        = map(number)
  description = "Thresholds of processing's business rules, by name, that differ from their defaults in the code."
  default     = {}

  # The code takes its default for a name that is not there, so a misspelt one would go unseen.
  validation {
    condition = alltrue([
      for name in keys(var.business_thresholds) :
      contains(["price_spike_zscore", "price_spike_percent", "volume_spike_zscore", "volatility_regime", "spread_wide_bps", "sequence_gap"], name)
    ])
    error_message = "business_thresholds can be price_spike_zscore, price_spike_percent, volume_spike_zscore, volatility_regime, spread_wide_bps and sequence_gap."
  }

  validation {
    condition     = alltrue([for value in values(var.business_thresholds) : value > 0])
    error_message = "business_thresholds must be above 0."
  }

  validation {
    condition     = floor(lookup(var.business_thresholds, "sequence_gap", 1)) == lookup(var.business_thresholds, "sequence_gap", 1)
    error_message = "business_thresholds: sequence_gap is a whole number of events."
  }
}

variable "alert_rules_file" {
  type        = string
  description = "JSON file with the first edition of the alert rules; see lib/envs/alert-rules.json for the form. Empty: that file. Later editions are set with `opsctl rules set`, which Terraform leaves alone."
  default     = ""
}

variable "alert_email" {
  type        = string
  description = "Address that alerts and alarms are mailed to; its owner must confirm the subscription once. Empty: no mail."
  default     = ""

  validation {
    condition     = var.alert_email == "" || can(regex("^[^@[:space:]]+@[^@[:space:]]+[.][^@[:space:]]+$", var.alert_email))
    error_message = "alert_email must be an e-mail address, or empty for none."
  }
}

variable "alerts_kms_key_arn" {
  type        = string
  description = "Customer managed key for the alerts topic. Its key policy must let cloudwatch.amazonaws.com call kms:GenerateDataKey* and kms:Decrypt, or alarms stay silent; alias/aws/sns cannot be given that, so it is not accepted. Empty: no KMS."
  default     = ""

  validation {
    condition     = var.alerts_kms_key_arn == "" || can(regex("^arn:[a-z-]+:kms:[a-z0-9-]+:[0-9]{12}:key/[A-Za-z0-9-]+$", var.alerts_kms_key_arn))
    error_message = "alerts_kms_key_arn must be the ARN of a key (not an alias: CloudWatch alarms cannot publish with alias/aws/sns), or empty."
  }
}

variable "console_url_base" {
  type        = string
  description = "Start of the console links in alert mails. Empty: the AWS console of the region."
  default     = ""

  validation {
    condition     = var.console_url_base == "" || can(regex("^https?://[^[:space:]]+[^/[:space:]]$", var.console_url_base))
    error_message = "console_url_base must be an http(s) address without a final '/', or empty."
  }
}

variable "runbook_url" {
  type        = string
  description = "Address of the runbook, linked in alert mails. Empty: no link."
  default     = ""

  validation {
    condition     = var.runbook_url == "" || can(regex("^https?://[^[:space:]]+$", var.runbook_url))
    error_message = "runbook_url must be an http(s) address, or empty."
  }
}

# ----------------------------------------------------------------------------------------------------------------------
# Alarms
# ----------------------------------------------------------------------------------------------------------------------

variable "capacity_alarm_units_per_second" {
  type = object({
    read  = number
    write = number
  })
  description = "Consumed capacity of a table or index, units a second averaged over a minute, above which its alarm sounds. 10,000 events a minute write about 500 to each; one index partition ends at 1,000, and a full index throttles its table."
  default = {
    read  = 800
    write = 800
  }

  validation {
    condition     = var.capacity_alarm_units_per_second.read > 0 && var.capacity_alarm_units_per_second.write > 0
    error_message = "capacity_alarm_units_per_second must be above 0 for read and for write."
  }
}

variable "async_age_alarm_seconds" {
  type        = number
  description = "Age of the oldest event that a function took from its queue, seconds, above which its alarm sounds."
  default     = 60

  validation {
    condition     = var.async_age_alarm_seconds >= 1 && var.async_age_alarm_seconds <= 21600
    error_message = "async_age_alarm_seconds must be from 1 to 21600 (an event's life in the queue)."
  }
}
