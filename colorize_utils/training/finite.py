"""Numbers that are not finite end a training before anything of them is kept, with a line that says what to change."""

import math

from ..errors import ColorizeError
from .checkpoint import not_finite


def check_values(run, values):
    """ColorizeError if one of ``values`` (name -> float), losses or errors, is not finite."""
    for name, value in values.items():
        if not math.isfinite(value):
            raise _no_more(run, f"{name} became {value}")


def check_arrays(run, arrays):
    """ColorizeError if one of the arrays that a checkpoint is to hold has a number that is not finite."""
    if name := not_finite(arrays):
        raise _no_more(run, f"numbers in {name} are not finite any more")


def _no_more(run, what):
    phase = run.recipe.phases[run.state.phase]
    changes = [f"a lower rate (it is {phase.critic_rate if phase.step == 'critic' else phase.rate:g})"]
    if run.preset.precision != "float32":
        changes.append(f"float32 as precision (it is {run.preset.precision})")
    if phase.adversarial_weight:
        changes.append(f"a smaller adversarial_weight, the critic's say (it is {phase.adversarial_weight:g})")
    elif phase.has_critic and phase.step != "critic":
        changes.append(f"a larger l1_weight, so that the critic has less say (it is {phase.l1_weight:g})")
    kept = run.checkpoints.manifest["checkpoints"]
    then = f"then it goes on from {kept[-1]['file']}" if kept else "then it begins anew: no checkpoint was written yet"
    line = f"{what} at {run.where}: the training ends here, and nothing of it is kept"
    return ColorizeError(f"{line}. Give phase {phase.name} {', or '.join(changes)}, and accept the changes; {then}", 1)
