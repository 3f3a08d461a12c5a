"""The gateways: the only place that knows the wire.

    base        what any gateway is to the engine: the protocol, its dataclasses and its errors
    registry    which one a device has
    http        one call, for everything that is not a send
    transport   many sends in flight
    evolution/  Evolution API, a folder for each provider

`registry` knows every provider, a provider knows nothing of another, and `base` knows none.
"""
