"""The live events of a job: one builder each, in the words of seed 000. Every event carries the job's rising `seq`.

Shapes: seed 000, "WebSocket", and the contract's additions (`snapshot`, `receipt`, `job_paused`, `job_resumed`,
`job_cancelled`).
"""

from typing import Any

Event = dict[str, Any]


def job_started(job_uuid: str, seq: int, total: int) -> Event:
    return {
        "type": "job_started",
        "job_id": job_uuid,
        "message": f"Iniciando envío masivo de {total} mensajes",
        "seq": seq,
    }


def chunk_processing(job_uuid: str, seq: int, start: int, end: int, total: int) -> Event:
    return {
        "type": "chunk_processing",
        "job_id": job_uuid,
        "chunk_start": start,
        "chunk_end": end,
        "total": total,
        "message": f"Procesando chunk {start}-{end} de {total}",
        "seq": seq,
    }


def progress(job_uuid: str, seq: int, device_id: int, phone: str, counters: Event) -> Event:
    return {
        "type": "progress",
        "job_id": job_uuid,
        "device_id": device_id,
        "phone": phone,
        "status": "sent",
        "progress": counters,
        "seq": seq,
    }


def error(job_uuid: str, seq: int, device_id: int | None, phone: str, code: str, counters: Event) -> Event:
    return {
        "type": "error",
        "job_id": job_uuid,
        "device_id": device_id,
        "phone": phone,
        "error": code,
        "progress": counters,
        "seq": seq,
    }


def receipt(job_uuid: str, seq: int, delivered: int, read: int, played: int, failed_after: int, replied: int) -> Event:
    """What became of a job's messages until now."""
    counts = receipt_counts(delivered, read, played, failed_after, replied)
    return {"type": "receipt", "job_id": job_uuid, "counts": counts, "seq": seq}


def receipt_counts(delivered: int, read: int, played: int, failed_after: int, replied: int) -> Event:
    return {"delivered": delivered, "read": read, "played": played, "replied": replied, "failed_after": failed_after}


def job_completed(job_uuid: str, seq: int, results: dict[str, Any]) -> Event:
    return {
        "type": "job_completed",
        "job_id": job_uuid,
        "status": "completed",
        "results": {key: results.get(key, 0) for key in ("sent", "failed", "total")},
        "seq": seq,
    }


def job_failed(job_uuid: str, seq: int, error: str, message: str) -> Event:
    return {"type": "job_failed", "job_id": job_uuid, "error": error, "message": message, "seq": seq}


def job_cancelled(job_uuid: str, seq: int, results: dict[str, Any]) -> Event:
    return {
        "type": "job_cancelled",
        "job_id": job_uuid,
        "status": "cancelled",
        "results": {key: results.get(key, 0) for key in ("sent", "failed", "total")},
        "seq": seq,
    }


def job_paused(job_uuid: str, seq: int, reason: str, message: str) -> Event:
    return {"type": "job_paused", "job_id": job_uuid, "reason": reason, "message": message, "seq": seq}


def job_resumed(job_uuid: str, seq: int) -> Event:
    return {"type": "job_resumed", "job_id": job_uuid, "message": "Envío reanudado", "seq": seq}


# --- Sent to one client only, by its consumer -----------------------------------------------------


def subscribed(job_uuid: str) -> Event:
    return {
        "type": "subscribed",
        "job_id": job_uuid,
        "message": f"Suscrito a las actualizaciones del job {job_uuid}",
    }


def snapshot(job_uuid: str, seq: int, status: str, counters: Event, receipts: Event) -> Event:
    return {
        "type": "snapshot",
        "job_id": job_uuid,
        "status": status,
        "progress": counters,
        "receipts": receipts,
        "seq": seq,
    }
