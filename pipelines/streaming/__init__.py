# SPDX-License-Identifier: Apache-2.0
"""What `live` is made of."""
