# SPDX-License-Identifier: Apache-2.0
"""Several processes that take every step together: each composes some of its scenes and the gradients are averaged, so
that all keep the same weights. On CPU cores this wastes less than threads inside of one process."""
import datetime
import os

import torch
import torch.distributed


class Peers:
    """This process (`rank`, 0 is the one that was there first and that reports) and its copies; call before anything
    starts a thread. meeting: path of a file that does not outlast the run."""

    def __init__(self, count, meeting):
        self.rank, self.count = 0, count
        if count == 1:
            return
        meeting.unlink(missing_ok=True)
        for rank in range(1, count):
            if os.fork() == 0:
                self.rank = rank
                break
        torch.distributed.init_process_group(               # a paused run must not time out
            'gloo', init_method=f'file://{meeting.resolve()}', rank=self.rank, world_size=count,
            timeout=datetime.timedelta(days=1))

    def share(self, scenes):
        """How many of a step's scenes are this process's."""
        return scenes // self.count + (self.rank < scenes % self.count)

    def average_gradients(self, model, weight):
        """In place; `weight` is this process's part of the step, they add up to 1. What no process has a gradient for
        stays without."""
        if self.count == 1:
            return
        parameters = list(model.parameters())
        has = torch.tensor([float(p.grad is not None) for p in parameters])
        has, *gradients = self._sums([has] + [torch.zeros_like(p) if p.grad is None else p.grad * weight
                                              for p in parameters])
        for parameter, anywhere, gradient in zip(parameters, has.tolist(), gradients):
            # laid out in memory as the parameter: the optimizer goes through both in that order
            parameter.grad = torch.empty_like(parameter).copy_(gradient) if anywhere else None

    def each_a_part(self, function, tensors):
        """[function(tensor)] of what is independent along the first axis: each process computes a part of it."""
        if self.count == 1:
            return [function(tensor) for tensor in tensors]
        results = [torch.zeros_like(tensor) for tensor in tensors]
        for i, (tensor, result) in enumerate(zip(tensors, results)):
            first = (self.rank + i) % self.count            # so that none gets the larger half each time
            if first < len(tensor):
                result[first::self.count] = function(tensor[first::self.count])
        return self._sums(results)

    @staticmethod
    def _sums(tensors):
        """All processes' tensors added up, by one exchange; contiguous."""
        flat = torch.cat([tensor.flatten() for tensor in tensors])
        torch.distributed.all_reduce(flat)
        parts = flat.split([tensor.numel() for tensor in tensors])
        return [part.view_as(tensor) for part, tensor in zip(parts, tensors)]

    def agree(self, model):
        """Gives every process the buffers of rank 0's: BatchNorm's statistics are of its own scenes alone."""
        if self.count > 1:
            for buffer in model.buffers():
                torch.distributed.broadcast(buffer, 0)

    def any(self, flag):
        """Whether it holds in any process."""
        if self.count == 1:
            return flag
        flags = torch.tensor([float(flag)])
        torch.distributed.all_reduce(flags)
        return bool(flags)
