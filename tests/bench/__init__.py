"""What sending costs and how fast it goes, each figure beside its reference from the same run: `make bench`.

The machine is never quiet, so ratios within one run are what lasts, and CPU seconds per 1,000 messages.

    __main__      the command line                      plan      what is measured, at which size
    own_engines   PostgreSQL and Valkey, durable        machine   what it ran on
    sending       one run: its figures and its proof    cpu       CPU and memory of other processes (/proc)
    ours          the engine                            raw       its HTTP client alone
    naive         one task a message, in two versions   naive_tasks, naive_settings, careful_settings   theirs
    fleet         fleets of slow devices                crew      who works then, and what each costs
    hosts         a process joins, a process is killed; accounts beside each other
    arrivals      what reached the gateway when         carriers  which process sent it
    large         import, lists and a long job at 1,000,000 recipients
    recording     outcomes in PostgreSQL                fan_out   events to WebSockets
    report        the tables, and docs/performance.md
"""
