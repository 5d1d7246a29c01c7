# SPDX-License-Identifier: Apache-2.0
"""Muon (Jordan et al., https://kellerjordan.github.io/posts/muon): momentum whose singular values are all made about 1
before it is subtracted, for weights that are matrices. Several matrices of one shape are worked on at once, which
torch.optim.Muon does not do, nor does it take the 1x1 convolutions that most of this trunk consists of."""
import torch

COEFFICIENTS = 3.4445, -4.7750, 2.0315      # of the odd polynomial that is steepest at 0, from there
UPDATE_RMS = 0.2                            # as AdamW's, so that one rate serves both (Liu et al., arXiv 2502.16982)
FEWEST = 16                                 # matrices with fewer rows or columns are better off with AdamW


def is_matrix(parameter):
    """Whether it is one once what is 1 is left out or, of an ordinary convolution, all but its outputs are one."""
    return parameter.ndim in (2, 4) and min(len(parameter), parameter[0].numel()) >= FEWEST and \
        (parameter.ndim == 2 or parameter.shape[1] > 1)


def orthogonalised(matrices, steps=5):
    """[K, m, n] -> the same with singular values of about 1, by Newton-Schulz iterations."""
    a, b, c = COEFFICIENTS
    tall = matrices.shape[1] > matrices.shape[2]
    x = matrices.mT if tall else matrices
    x = x / (x.norm(dim=(1, 2), keepdim=True) + 1e-7)
    for _ in range(steps):
        square = x @ x.mT
        x = torch.baddbmm(x, torch.baddbmm(square, square, square, beta=b, alpha=c), x, beta=a)
    return x.mT if tall else x


class Muon(torch.optim.Optimizer):
    """parameters: those of which is_matrix holds. Nesterov momentum, decoupled weight decay. Of peers (see
    parallel.py) each makes a part of the updates."""

    def __init__(self, parameters, lr, peers, momentum=0.95, weight_decay=0.0):
        super().__init__(parameters, dict(lr=lr, momentum=momentum, weight_decay=weight_decay))
        self.peers = peers

    @torch.no_grad()
    def step(self):
        for group in self.param_groups:
            shapes = {}
            for parameter in group['params']:
                if parameter.grad is not None:
                    shapes.setdefault((len(parameter), parameter[0].numel()), []).append(parameter)
            ahead = [self._ahead(parameters, shape, group) for shape, parameters in shapes.items()]
            updates = self.peers.each_a_part(orthogonalised, ahead)
            for (shape, parameters), of_shape in zip(shapes.items(), updates):
                rate = group['lr'] * UPDATE_RMS * max(shape) ** 0.5
                torch._foreach_mul_(parameters, 1 - group['lr'] * group['weight_decay'])
                for parameter, update in zip(parameters, of_shape):
                    parameter.sub_(update.view(parameter.shape), alpha=rate)

    def _ahead(self, parameters, shape, group):
        """The momenta brought forward -> [K, m, n] in bf16, one step ahead of them (Nesterov)."""
        for parameter in parameters:
            if not self.state[parameter]:
                self.state[parameter]['momentum'] = torch.zeros_like(parameter)
        gradients = [parameter.grad for parameter in parameters]
        momenta = [self.state[parameter]['momentum'] for parameter in parameters]
        torch._foreach_lerp_(momenta, gradients, 1 - group['momentum'])
        ahead = torch._foreach_lerp(gradients, momenta, group['momentum'])
        return torch.stack([update.reshape(shape) for update in ahead]).bfloat16()
