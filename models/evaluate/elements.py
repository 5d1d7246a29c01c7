# SPDX-License-Identifier: Apache-2.0
"""Runs the GStreamer elements on picture files as a user would, and reads their JSON lines back."""
import json
import os
import subprocess
import tempfile
import time
from pathlib import Path

import numpy as np

ROOT = Path(__file__).resolve().parents[2]
ALL_THAT_COMES = ['queue', 'max-size-buffers=0', 'max-size-bytes=0', 'max-size-time=0']
DECODERS = {'.jpg': 'jpegdec', '.png': 'pngdec'}


def environment():
    """With a build of this checkout, its plugin, core and models; else what is installed."""
    build = Path(os.environ.get('SAM2_BUILD', ROOT / 'build'))
    own = dict(GST_PLUGIN_PATH=build / 'gst', GST_SAM2_CORE=build / 'src/libsam2core.so',
               GST_SAM2_MODEL_PATH=ROOT / 'models') if (build / 'gst').is_dir() else {}
    return {**os.environ, 'OMP_WAIT_POLICY': 'passive', **{name: str(value) for name, value in own.items()}}


def decoded(segmentation):
    """COCO's compressed run lengths -> bool [H, W]."""
    runs, value, shift = [], 0, 0
    for character in segmentation['counts'].encode():
        bits = character - 48
        value |= (bits & 0x1f) << shift
        shift += 5
        if not bits & 0x20:
            if bits & 0x10:
                value -= 1 << shift
            runs.append(value + (runs[-2] if len(runs) > 2 else 0))
            value = shift = 0
    height, width = segmentation['size']
    flat = np.repeat(np.arange(len(runs)) % 2 == 1, runs)           # column by column, the first run is outside
    return flat.reshape(width, height).T


def lines(element, frames, prompts, more_environment=None, apart=False, **properties):
    """element: sam2track or sam2segment; frames: numbered files of one folder and suffix; prompts: dicts as in a
    prompts file, ids given; apart: on a thread of its own, before which frames wait; properties: of the element, those
    without a value left out. -> (seconds since the start when it came, line) of each frame, seconds of all."""
    first = int(frames[0].stem)
    pattern = frames[0].with_name(f'%0{len(frames[0].stem)}d{frames[0].suffix}')
    thread = [*ALL_THAT_COMES, '!'] if apart else []
    settings = [f"{name.replace('_', '-')}={value}" for name, value in properties.items() if value]
    with tempfile.NamedTemporaryFile('w', suffix='.jsonl') as file:
        file.write(''.join(json.dumps(prompt) + '\n' for prompt in prompts))
        file.flush()
        begin = time.monotonic()
        command = ['gst-launch-1.0', '-q', 'multifilesrc', f'location={pattern}', f'start-index={first}',
                   f'stop-index={int(frames[-1].stem)}',
                   'caps=image/' + {'.jpg': 'jpeg', '.png': 'png'}[frames[0].suffix] + ',framerate=25/1', '!',
                   DECODERS[frames[0].suffix], '!', 'videoconvert', '!', 'video/x-raw,format=RGB', '!', *thread,
                   element, f'prompts-location={file.name}', *settings, '!', *thread, 'sam2jsonenc', '!',
                   'fdsink', 'fd=1']
        with subprocess.Popen(command, env={**environment(), **(more_environment or {})},
                              stdout=subprocess.PIPE) as running:
            found = [(time.monotonic() - begin, line) for line in running.stdout]
    if running.returncode:
        raise subprocess.CalledProcessError(running.returncode, command)
    if len(found) != len(frames):
        raise RuntimeError(f'{len(frames)} frames in, {len(found)} lines out')
    return found, time.monotonic() - begin


def run(*arguments, **properties):
    """As lines() -> [{id: mask bool [H, W]} for each frame], seconds; an object without a mask is absent."""
    found, seconds = lines(*arguments, **properties)
    return [{thing['id']: decoded(thing['segmentation']) for thing in json.loads(line)['objects']
             if thing.get('segmentation')} for _, line in found], seconds
