"""MiniStack 1.5.33 starts functions with its own whole environment, the user's secrets included.

AWS gives a function the variables of its configuration and the runtime's, no others:
https://docs.aws.amazon.com/lambda/latest/dg/configuration-envvars.html#configuration-envvars-runtime.
This builds exactly that list. Also missing upstream and added: the logging variables and the X-Ray daemon's address.
"""

from ministack.core import lambda_runtime, responses
from ministack.services import lambda_svc

from local_aws.options import Options
from local_aws.patching import replace
from local_aws.xray import daemon

_PATH = "/usr/local/bin:/usr/bin:/bin:/opt/bin"


def install(options: Options) -> None:
    def worker_env(config: dict, code_dir: str, port: int) -> dict:
        logging = config.get("LoggingConfig") or {}
        name = config.get("FunctionName", "unknown")
        env = {
            "PATH": _PATH,
            "LANG": "en_US.UTF-8",
            "TZ": ":UTC",
            "LAMBDA_TASK_ROOT": code_dir,
            "LAMBDA_RUNTIME_DIR": code_dir,
            "AWS_LAMBDA_RUNTIME_API": f"127.0.0.1:{port}",
            "AWS_REGION": responses.get_region(),
            "AWS_DEFAULT_REGION": responses.get_region(),
            "AWS_LAMBDA_FUNCTION_NAME": name,
            "AWS_LAMBDA_FUNCTION_MEMORY_SIZE": str(config.get("MemorySize", 128)),
            "AWS_LAMBDA_FUNCTION_VERSION": config.get("Version", "$LATEST"),
            "AWS_LAMBDA_INITIALIZATION_TYPE": "on-demand",
            "AWS_LAMBDA_LOG_GROUP_NAME": logging.get("LogGroup") or f"/aws/lambda/{name}",
            "AWS_LAMBDA_LOG_FORMAT": logging.get("LogFormat") or "Text",
            "AWS_XRAY_CONTEXT_MISSING": "LOG_ERROR",
            "AWS_XRAY_DAEMON_ADDRESS": daemon.address_for(config),
            "_HANDLER": config.get("Handler", "bootstrap"),
        }
        if logging.get("LogFormat") == "JSON" and logging.get("ApplicationLogLevel"):
            env["AWS_LAMBDA_LOG_LEVEL"] = logging["ApplicationLogLevel"]
        env.update(lambda_svc._runtime_env_vars(config))
        env.update(lambda_runtime.execution_credentials(config))
        env["AWS_ENDPOINT_URL"] = options.endpoint
        return env

    replace(lambda_svc, "_provided_worker_env", worker_env)
