"""A simulator of Evolution API 2.3.7, as a program of its own.

Nobody can rehearse a bulk send against the real WhatsApp, so the project brings a gateway that behaves
like one: the same paths, bodies, status codes, refusals and webhooks, plus faults on demand and a ledger of
what it accepted. `python manage.py simulate_gateway` starts it, or `python -m devices.simulator`.

It is pure asyncio and imports nothing of Django or of this project outside this package.

    options   what the command line says            program   the process: event loop, signals, start-up lines
    server    HTTP connections                      wire      response bytes and error bodies
    world     everything one running simulator has  routes    which function answers which request
    sending, lookups, instance_routes, webhook_routes   the Evolution API; control   /_simulator/…
    instances, ledger, archive                      its memory
    numbers, validation                             the rules of Evolution API for numbers and bodies
    faults                                          what goes wrong, how often
    receipts, webhooks, posting                     what it tells others
"""
