"""What threefive reads of messages of SCTE-35: one a line as digits of base 16, or all of a transport stream; JSON, a line each."""

import json
import sys

from threefive import Cue, Stream
from threefive.crc import crc32


def said(cue):
    command = cue.command
    event = getattr(command, "splice_event_id", None)
    duration = getattr(command, "break_duration", None)
    cancelled = getattr(command, "splice_event_cancel_indicator", False)
    if command.command_type == 6:
        segments = [one for one in cue.descriptors if one.tag == 2]
        if segments:
            event = segments[0].segmentation_event_id
            duration = getattr(segments[0], "segmentation_duration", None)
            cancelled = segments[0].segmentation_event_cancel_indicator
    time = getattr(command, "pts_time", None)
    if time is not None:
        time = round((time + cue.info_section.pts_adjustment) * 90000) % 2**33
    return {
        "command": command.command_type,
        "event": int(event, 16) if isinstance(event, str) else event,
        "is_cancelled": bool(cancelled),
        "time": time,
        "duration": round(duration * 90000) if duration else None,
    }


def read(digits):
    message = bytes.fromhex(digits)
    try:
        cue = Cue(message)
        whole = int(cue.info_section.crc, 16) == crc32(message[: 3 + cue.info_section.section_length - 4])
        return {"is_whole": whole, "said": said(cue)}
    except Exception as error:  # Damaged ones end in many ways.
        return {"is_whole": False, "error": repr(error)}


if len(sys.argv) > 1:
    Stream(sys.argv[1]).decode(lambda cue: print(json.dumps(said(cue))))
else:
    for line in sys.stdin:
        print(json.dumps(read(line.strip())))
