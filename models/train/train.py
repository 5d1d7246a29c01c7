# SPDX-License-Identifier: Apache-2.0
"""Trains the built-in model; resumes by itself from RUN/checkpoint.pt.

    .deps/train/bin/python models/train/train.py --pack .deps/train-data/permissive --run .deps/train/run

Stops cleanly on SIGTERM or SIGINT (saves, then exits 0); may be stopped and continued (SIGSTOP,
SIGCONT) at any time: nothing is counted in wall time. Appends to RUN/metrics.csv."""
import argparse
import copy
import itertools
import os
import signal
import sys
import time
import traceback
from dataclasses import replace
from pathlib import Path

import numpy as np
import torch
from torch import nn

import asking
import evaluate
import export
import schedule
import validate
from compose.assets import Assets
from compose.batch import compose
from lean import use_plain_attention
from metrics import Metrics
from muon import Muon, is_matrix
from network import IMAGE_SIZE, SHAPES, build
from parallel import Peers
from steps import train_step

SEEDS_APART = 1_000             # from one process to the next


class Composer(torch.utils.data.IterableDataset):
    """(step, plan, this process's part of its batch) from (step, samples) on, in order; worker w of n composes steps
    w, w + n, ..."""

    def __init__(self, assets, peers, seed, *position):
        self.assets, self.peers = assets, peers
        self.seed, self.position = seed, position           # see schedule.plans

    def __iter__(self):
        signal.signal(signal.SIGTERM, signal.SIG_IGN)       # the trainer decides when to end
        signal.signal(signal.SIGINT, signal.SIG_IGN)
        torch.set_num_threads(1)
        worker = torch.utils.data.get_worker_info()
        plans = schedule.plans(self.seed, *self.position)
        for step, plan in itertools.islice(plans, worker.id, None, worker.num_workers):
            part = replace(plan, scenes=self.peers.share(plan.scenes))
            batch = compose(self.seed + SEEDS_APART * self.peers.rank, step, self.assets, part)
            yield step, plan, batch.merged().shared()


def optimizers_for(model, rate, peers):
    """Muon for matrices, AdamW for the rest; no weight decay for biases, norms, embeddings and tokens."""
    matrices, decayed, plain = [], [], []
    for name, parameter in model.named_parameters():
        if parameter.ndim < 2 or any(word in name for word in ('embed', 'token.', 'tokens.', 'tpos_enc', 'no_obj_ptr')):
            plain.append(parameter)
        else:
            (matrices if is_matrix(parameter) else decayed).append(parameter)
    return [torch.optim.AdamW([dict(params=decayed, weight_decay=0.05), dict(params=plain, weight_decay=0.0)],
                              lr=rate, betas=(0.9, 0.98), fused=True),
            Muon(matrices, rate, peers, weight_decay=0.05)]


def update_average(average, model, step, horizon=0.999):
    """Exponential moving average of parameters and BatchNorm statistics; short-sighted at first."""
    keep = min(horizon, (1 + step) / (10 + step))
    with torch.no_grad():
        torch._foreach_lerp_(list(average.parameters()), list(model.parameters()), 1 - keep)
        for mine, theirs in zip(average.buffers(), model.buffers()):
            mine.lerp_(theirs, 1 - keep) if mine.is_floating_point() else mine.copy_(theirs)


def freeze_norm(model, average):
    """BatchNorm from here on with the averaged statistics."""
    statistics = dict(average.named_buffers())
    with torch.no_grad():
        for name, buffer in model.named_buffers():
            if 'running' in name:
                buffer.copy_(statistics[name])
    for module in model.modules():
        if isinstance(module, nn.BatchNorm2d):
            module.eval()


def take_over(model, weights):
    """The tensors that have the same name and shape in both."""
    own = model.state_dict()
    fitting = {name: value for name, value in weights.items() if name in own and own[name].shape == value.shape}
    model.load_state_dict(fitting, strict=False)
    print(f'{len(fitting)} of {len(own)} tensors taken over', flush=True)


class Run:
    """All that a training run is, and what is saved of it: weights, their average, the optimizer's and the random
    generator's state, and how far it is."""

    def __init__(self, folder, shape, rate, seed, device, peers, start=None):
        self.folder, self.checkpoint = folder, folder / 'checkpoint.pt'
        torch.manual_seed(seed)
        self.model = build(shape=shape)
        if start and not self.checkpoint.exists():
            take_over(self.model, evaluate.read(start))
        self.model = self.model.to(device, memory_format=torch.channels_last).train()
        self.average = copy.deepcopy(self.model).eval().requires_grad_(False)
        self.optimizers = optimizers_for(self.model, rate, peers)
        self.generator = torch.Generator().manual_seed(seed)
        self.state = dict(step=0, samples=0, seconds=0.0, validated=0, frozen=False)
        if self.checkpoint.exists():
            self.restore(device)

    def restore(self, device):
        saved = torch.load(self.checkpoint, map_location=device, weights_only=True)
        self.model.load_state_dict(saved['model'])
        self.average.load_state_dict(saved['ema'])
        for optimizer, state in zip(self.optimizers, saved['optimizers']):
            optimizer.load_state_dict(state)
        self.generator.set_state(saved['generator'].cpu())
        self.state = saved['state']
        if self.state['frozen']:
            freeze_norm(self.model, self.average)
        print(f"resumed at step {self.state['step']}, {self.state['samples']} samples", flush=True)

    def save(self):
        """All in one file, replaced at once so that a kill leaves the former one whole."""
        unfinished = self.checkpoint.with_suffix('.unfinished')
        torch.save(dict(model=self.model.state_dict(), ema=self.average.state_dict(),
                        optimizers=[optimizer.state_dict() for optimizer in self.optimizers],
                        generator=self.generator.get_state(), state=self.state), unfinished)
        os.replace(unfinished, self.checkpoint)

    def freeze_norm(self, peers):
        if not self.state['frozen']:
            peers.agree(self.average)
            freeze_norm(self.model, self.average)
            self.state['frozen'] = True

    def train(self, plan, batch, peers, rate):
        """One optimizer step, this process's part of it -> values to log."""
        for optimizer in self.optimizers:
            for group in optimizer.param_groups:
                group['lr'] = rate
        loss, log = train_step(self.model, batch, self.generator)
        self.model.zero_grad(set_to_none=True)
        loss.backward()
        peers.average_gradients(self.model, len(batch.images) / plan.scenes)
        norm = nn.utils.clip_grad_norm_(self.model.parameters(), 1.0)
        if torch.isfinite(norm):
            for optimizer in self.optimizers:
                optimizer.step()
        else:
            print(f"step {self.state['step']}: gradient not finite, skipped", flush=True)
        update_average(self.average, self.model, self.state['step'])
        self.state['step'] += 1
        self.state['samples'] += plan.scenes * plan.length
        return {**log, 'loss': loss.item(), 'gradient': norm.item(), 'rate': rate}

    def validate(self, held_out):
        """Held-out scores of the averaged weights, which are exported too."""
        self.state['validated'] = self.state['samples']
        export.write(self.average.state_dict(), self.folder.parent / 'export' / f'{self.folder.name}.safetensors')
        return validate.validate(self.average, held_out)


class Progress:
    """Means of the logged values since the last report, and the pace since the start."""

    def __init__(self, state, until):
        self.values, self.until, self.waited = {}, until, 0.0
        self.begin, self.first = time.monotonic(), state['samples']

    def add(self, log, waited):
        self.waited += waited
        for name, value in log.items():
            self.values.setdefault(name, []).append(value)

    def report(self, state):
        """Prints a line -> the means."""
        means = {name: float(np.nanmean(values)) for name, values in self.values.items()}
        self.values, passed = {}, time.monotonic() - self.begin
        pace = (state['samples'] - self.first) / passed
        shown = ' '.join(f'{name} {value:.3g}' for name, value in sorted(means.items()) if 'best' not in name)
        print(f"{state['step']} samples {state['samples']} {pace:.1f}/s waiting {self.waited / passed:.0%} "
              f"left {(self.until - state['samples']) / max(pace, 1e-9) / 3600:.1f} h  {shown}", flush=True)
        return means


def share_cores():
    """Two threads on cores that others use too wait for each other most of the time: measured, a step then
    costs four times the processor time of one thread's. This process and its composer make a load of up to 3."""
    torch.set_num_threads(2 if os.getloadavg()[0] < 3.5 else 1)


def parse_arguments():
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument('--pack', required=True)
    parser.add_argument('--run', type=Path, required=True)
    parser.add_argument('--until', type=int, default=2_000_000, help='samples to train for')
    parser.add_argument('--cooldown', type=int, default=0, help='last samples with a linear descent of the rate')
    parser.add_argument('--rate', type=float, default=1e-3)
    parser.add_argument('--seed', type=int, default=1)
    parser.add_argument('--threads', type=int, default=0, help='0: two, but one while other programs want the cores')
    parser.add_argument('--workers', type=int, default=1, help='composer processes')
    parser.add_argument('--processes', type=int, default=1,
                        help='on a CPU, one thread each, that take every step together')
    parser.add_argument('--shape', choices=SHAPES, default='builtin')
    parser.add_argument('--schedule', choices=schedule.SCHEDULES, default='long')
    parser.add_argument('--stretch', type=float, default=1.0,
                        help="the schedule's phases begin at so many times their samples")
    parser.add_argument('--start', type=Path, help='weights that a new run begins with, as evaluate.py takes them')
    parser.add_argument('--device', default='cpu')
    parser.add_argument('--precision', choices=['bf16', 'fp32'], default='bf16',
                        help='fp32 is faster on a CPU whose bf16 is slow')
    parser.add_argument('--scale', type=int, default=1, help="scenes a step, times the schedule's: 8 or more for a GPU")
    parser.add_argument('--validate-every', type=int, default=20_000, help='samples')
    parser.add_argument('--save-every', type=int, default=200, help='steps')
    parser.add_argument('--minutes', type=float, help='stop after so long: a slice on a borrowed machine')
    arguments = parser.parse_args()
    if arguments.processes > 1 and (arguments.device != 'cpu' or arguments.threads > 1):
        parser.error('--processes is for a CPU and one thread each')
    plans = [plan for _, shares in schedule.SCHEDULES[arguments.schedule] for _, plan in shares]
    fewest = arguments.scale * min(plan.scenes for plan in plans)
    if arguments.processes > fewest:
        parser.error(f'--processes: some steps have {fewest} scenes only')
    _, grid = SHAPES[arguments.shape].latents or (0, 1)
    if any(size // 16 % grid for size in (IMAGE_SIZE, *(plan.size for plan in plans))):     # of validation, of steps
        parser.error(f'--shape {arguments.shape}: its grid of {grid} x {grid} latents does not divide all maps')
    return arguments


def main():
    arguments = parse_arguments()
    arguments.run.mkdir(parents=True, exist_ok=True)
    peers = Peers(arguments.processes, arguments.run / 'meeting')
    torch.set_num_threads(arguments.threads or 1)
    device = torch.device(arguments.device)
    asking.IN_BFLOAT16 = arguments.precision == 'bf16'
    if device.type == 'cpu':
        use_plain_attention()
    else:
        torch.set_float32_matmul_precision('high')
        torch.backends.cudnn.benchmark = True
    peak = arguments.rate * arguments.scale ** 0.5
    cooldown = (arguments.until - arguments.cooldown, arguments.until) if arguments.cooldown else None
    run = Run(arguments.run, SHAPES[arguments.shape], peak, arguments.seed, device, peers, arguments.start)
    state = run.state
    # What a run's scenes follow from: the rate and its end may be changed under way.
    course = dict(schedule=arguments.schedule, stretch=arguments.stretch, scale=arguments.scale, seed=arguments.seed)
    if state.setdefault('course', course) != course:
        sys.exit(f'{run.checkpoint} is of a run with {state["course"]}: go on with these, or choose another --run')
    stopping = []
    for number in (signal.SIGTERM, signal.SIGINT):
        signal.signal(number, lambda *_: stopping.append(True))
    reports = peers.rank == 0
    if reports:
        metrics, held_out = Metrics(arguments.run / 'metrics.csv'), Assets(arguments.pack, validation=True)
    freeze_norm_at = arguments.stretch * schedule.FREEZE_NORM_EARLY.get(arguments.schedule, schedule.FREEZE_NORM)
    phases = [(arguments.stretch * start, shares) for start, shares in schedule.SCHEDULES[arguments.schedule]]
    composer = Composer(Assets(arguments.pack), peers, arguments.seed, state['step'], state['samples'], arguments.scale,
                        phases)
    batches = iter(torch.utils.data.DataLoader(composer, batch_size=None, num_workers=arguments.workers,
                                               prefetch_factor=4))
    progress = Progress(state, arguments.until)
    end = time.monotonic() + 60 * arguments.minutes if arguments.minutes else float('inf')

    while state['samples'] < arguments.until and not peers.any(bool(stopping) or time.monotonic() > end):
        if not arguments.threads and peers.count == 1 and state['step'] % 10 == 0:
            share_cores()
        tick, worked = time.monotonic(), time.process_time()
        step, plan, batch = next(batches)
        assert step == state['step']
        waited = time.monotonic() - tick
        rate = schedule.learning_rate(state['samples'], peak, cooldown, schedule.WARM_UP[arguments.schedule])
        if state['samples'] >= freeze_norm_at:
            run.freeze_norm(peers)
        progress.add(run.train(plan, batch, peers, rate), waited)
        state['seconds'] += peers.count * (time.process_time() - worked)
        if not reports:
            continue
        if state['step'] % 50 == 0:
            metrics.write(state, 'train', progress.report(state))
        if state['samples'] - state['validated'] >= arguments.validate_every:
            values = run.validate(held_out)
            metrics.write(state, 'held out', values)
            print('held out ' + ' '.join(f'{name} {value:.3f}' for name, value in values.items()), flush=True)
        if state['step'] % arguments.save_every == 0:
            run.save()
    if reports:
        run.save()
        print(f"saved at step {state['step']}, {state['samples']} samples", flush=True)
    for worker in batches._workers:                                     # they may be waiting to hand over a batch
        worker.kill()
    os._exit(0)


if __name__ == '__main__':
    try:
        main()
    except Exception:                                                   # at once: other processes wait for this one
        traceback.print_exc()
        os._exit(1)
