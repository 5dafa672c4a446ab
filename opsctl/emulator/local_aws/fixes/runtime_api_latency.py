"""MiniStack 1.5.33 answers the Runtime API in two writes and drains logs by polling: 40 ms and more an invocation.

Header and body leave separately, so Nagle's algorithm holds the body until the function's delayed acknowledgement; the
log drain then spins in 1 ms steps. It also gives all lines of an invocation one timestamp, ends a timed-out function
only after two seconds' grace, and leaves functions running when it is itself killed. AWS freezes or kills at the
deadline (https://docs.aws.amazon.com/lambda/latest/dg/lambda-runtime-environment.html#runtimes-lifecycle-ib).
``local_aws.environment`` is an execution environment without these; here it takes the upstream one's place.
"""

from ministack.core import lambda_runtime

from local_aws.environment import Environment
from local_aws.options import Options
from local_aws.patching import replace


def install(_options: Options) -> None:
    upstream = lambda_runtime._worker_class_for

    def worker_class(config: dict):
        return Environment if str(config.get("Runtime", "")).startswith("provided") else upstream(config)

    replace(lambda_runtime, "_worker_class_for", worker_class)
