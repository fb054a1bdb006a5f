"""The result of one check, as `make doctor` prints it."""

from dataclasses import dataclass

__all__ = ["Finding"]


@dataclass(frozen=True, slots=True)
class Finding:
    """One result. `advice` is empty where all is well; `checked` is false where a check was left out.

    With `warning`, the advice need not be followed.
    """

    subject: str
    result: str
    advice: str = ""
    checked: bool = True
    warning: bool = False

    @property
    def problem(self) -> bool:
        """Whether this must be mended."""
        return bool(self.advice) and not self.warning

    def __str__(self) -> str:
        mark = "PROBLEM" if self.problem else "warning" if self.advice else "ok" if self.checked else "-"
        return f"{mark:8} {self.subject}: {self.result}" + (f"\n         {self.advice}" if self.advice else "")
