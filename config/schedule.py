"""What beat fires, and how often. Each is a wake-up: doing it twice, late or not at all harms nothing."""

from typing import Any

from celery.schedules import crontab

BEAT_SCHEDULE: dict[str, dict[str, Any]] = {
    "wake what is due": {
        "task": "jobs.tasks.sweep",
        "schedule": 2.0,
        # A sweep that waited longer has been overtaken by the next one.
        "options": {"expires": 10.0},
    },
    "make of recipients what their gateways told of them": {
        "task": "jobs.tasks.work_receipts",
        # What comes in two seconds is worked together, and told as one.
        "schedule": 2.0,
        "options": {"expires": 4.0},
    },
    "check devices": {
        "task": "devices.tasks.check_devices",
        # Who is due, each device's row says. One round at a time: where one is under way, this does nothing.
        "schedule": 2.0,
        "options": {"expires": 4.0},
    },
    "tell whoever watches how far devices are linked": {
        "task": "devices.tasks.follow_pairings",
        "schedule": 2.0,
        "options": {"expires": 2.0},
    },
    "keep the webhooks set": {
        "task": "devices.tasks.keep_webhooks",
        # Who is due, each row says; where nobody is, it is one look.
        "schedule": 30.0,
        "options": {"expires": 30.0},
    },
    "read from the gateways' stores what they told in vain": {
        "task": "devices.tasks.read_stores",
        # Whose turn it is, each row says; a round is at an end before the next.
        "schedule": 15.0,
        "options": {"expires": 15.0},
    },
    "tell customers' own systems what happened": {
        "task": "jobs.tasks.call_endpoints",
        # Where it is at it already, this one has been overtaken.
        "schedule": 1.0,
        "options": {"expires": 2.0},
    },
    "delete events that were told a month ago": {
        "task": "devices.tasks.forget_old_events",
        "schedule": 3600.0,
        "options": {"expires": 3600.0},
    },
    "delete what devices did more than a year ago": {
        "task": "devices.tasks.forget_old_days",
        "schedule": crontab(hour="4", minute="7"),
        "options": {"expires": 3600.0},
    },
    "launch due campaigns": {
        "task": "campaigns.tasks.launch_due_campaigns",
        # Several times a minute: a campaign fires in its minute, whatever its second.
        "schedule": 15.0,
        "options": {"expires": 15.0},
    },
    "notify the senders of ended campaigns": {
        "task": "campaigns.tasks.notify_ended_campaigns",
        # Somebody may be looking at the bell; an index holds the few that are untold.
        "schedule": 5.0,
        "options": {"expires": 5.0},
    },
    "notify senders of jobs that are held after their first few": {
        "task": "campaigns.tasks.notify_held_jobs",
        "schedule": 5.0,
        "options": {"expires": 5.0},
    },
    "notify administrators of devices that look well and are not": {
        "task": "campaigns.tasks.notify_device_incidents",
        "schedule": 5.0,
        "options": {"expires": 5.0},
    },
    "note on contacts when they were last written to": {
        "task": "campaigns.tasks.stamp_contacts",
        "schedule": 60.0,
        "options": {"expires": 60.0},
    },
    "tell what changed in watched accounts": {
        "task": "campaigns.tasks.tell_changes",
        "schedule": 3.0,
        "options": {"expires": 3.0},
    },
    "go on with imports of contacts": {
        "task": "campaigns.tasks.wake_contact_imports",
        "schedule": 15.0,
        "options": {"expires": 15.0},
    },
    "go on forgetting those who asked for it": {
        "task": "campaigns.tasks.wake_erasures",
        # One look into an index; who waits, waits for a message on its way or a file that is being read.
        "schedule": 15.0,
        "options": {"expires": 15.0},
    },
    "look for new contacts in exclusion lists": {
        "task": "campaigns.tasks.keep_exclusion_lists",
        # Until then they are counted among those who would get a message; none is sent to them.
        "schedule": 15.0,
        "options": {"expires": 15.0},
    },
    "delete files of contacts that crashes left on disk": {
        "task": "campaigns.tasks.tidy_contact_files",
        "schedule": 3600.0,
        "options": {"expires": 3600.0},
    },
    "delete notifications that were read long ago": {
        "task": "campaigns.tasks.tidy_notifications",
        "schedule": 3600.0,
        "options": {"expires": 3600.0},
    },
    "check the invariants": {
        "task": "jobs.tasks.watch_invariants",
        "schedule": crontab(hour="3", minute="17"),
        "options": {"expires": 3600.0},
    },
    "delete what crashes left on disk": {
        "task": "jobs.tasks.tidy",
        "schedule": 3600.0,
        "options": {"expires": 3600.0},
    },
}
