# SPDX-License-Identifier: Apache-2.0
"""What `segment` and `annotate` are made of."""
