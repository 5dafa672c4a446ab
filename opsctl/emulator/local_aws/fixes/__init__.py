"""The fixes, each one upstream defect, in the order they are installed."""

import importlib

from local_aws import processes
from local_aws.options import Options

ORDER = (
    "function_environment",
    "runtime_api_latency",
    "execution",
    "xray_service",
    "function_logs",
    "embedded_metrics",
    "async_invocation",
    "put_events",
    "event_targets",
    "archives",
    "trace_header",
    "parameter_permissions",
    "email_subscriptions",
    "log_search",
    "cloudwatch_protocols",
    "metric_queries",
    "alarm_definitions",
    "alarm_evaluation",
    "service_metrics",
    "index_query_speed",
)

_installed = []


def install(options: Options) -> None:
    """Apply every fix; call once, before serving."""
    unknown = options.disabled_fixes - set(ORDER)
    if unknown:
        raise SystemExit(f"local_aws: no such fix: {', '.join(sorted(unknown))}")
    for name in ORDER:
        if name not in options.disabled_fixes:
            module = importlib.import_module(f"local_aws.fixes.{name}")
            module.install(options)
            _installed.append(module)
    from local_aws import debug, state

    debug.install(options, [name for name in ORDER if name not in options.disabled_fixes], state.install(options))


def shut_down() -> None:
    """Let fixes put away what they hold, then end every function."""
    for module in reversed(_installed):
        if hasattr(module, "shut_down"):
            module.shut_down()
    processes.kill_all()
