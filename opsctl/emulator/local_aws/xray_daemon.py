"""placeholder until the X-Ray part lands"""


def address_for(config: dict) -> str:
    return "127.0.0.1:2000"
