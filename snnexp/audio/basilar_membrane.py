"""The basilar membrane: how fast each place of the cochlea moves when a sound comes in.

Shapes: F frequencies, C channels, L samples of the sound, T samples of the velocity. Units: cm, g, s.
"""

from dataclasses import dataclass
from enum import StrEnum
from functools import lru_cache
from math import gcd

import numpy as np
from numpy.typing import NDArray
from scipy import fft
from scipy.special import hankel1, hankel2

from snnexp.errors import require

Complex = NDArray[np.complexfloating]
Real = NDArray[np.floating]

RING = 0.1
"""Seconds of silence after a sound, so that what still rings does not come in again at its beginning: five time
constants of the slowest place."""


class Wave(StrEnum):
    """`delayed`: the wave arrives at a place after the sound, the later the lower its frequency, as in an ear.

    `advanced`: what the public code of the Heidelberg data computes, to the rounding. It writes the wave for
    exp(-i w t), but transforms with exp(+i w t), so that low channels answer up to 30 ms before the sound.
    """

    DELAYED = "delayed"
    ADVANCED = "advanced"


@dataclass(frozen=True)
class BasilarMembrane:
    """A passive, linear membrane in shallow water, from the base (channel 0, high tones) to the apex.

    With stiffness S(x) = stiffness exp(-decay x) - offset, resistance R(x) = R0 exp(-decay x / 2), R0 = damping
    sqrt(stiffness mass), the impedance to displacement is xi = S - mass w^2 - i w R and the wave number
    g = w sqrt(density / (height xi)). The pressure that solves the long-wave equation is, in the approximation by the
    phase G(x) = 2 g(0) / decay + int_0^x g,

        p(x) ~ sqrt(G / g) H0(G),    velocity(x) = 2 w / xi(x) p(x) / p(0) Z(w),
        Z = i sqrt(2 stiffness / height) H0(z) / H1(z),  z = 2 w / decay sqrt(2 / (height stiffness)),

    the last being what the ear opposes to the sound; H are Hankel functions. Places lie evenly on `length`.

    Source: Sieroka, Dosch & Rupp 2006; formulas and constants as in the public code of Cramer et al. 2022
    (electronicvisions/lauscher), which were compared with; both papers themselves were not at hand.
    """

    channels: int = 700
    length: float = 3.5  # cm
    stiffness: float = 1e9  # g / (s^2 cm^2)
    decay: float = 3.0  # 1 / cm
    offset: float = 3500.0  # g / (s^2 cm^2)
    mass: float = 0.05  # g / cm^2
    damping: float = 0.15
    height: float = 0.1  # cm
    density: float = 1.0  # g / cm^3
    wave: Wave = Wave.DELAYED

    def __post_init__(self) -> None:
        require(1 <= self.channels <= 2**16, "channels", self.channels, f"must lie in [1, {2**16}]")

    @property
    def places(self) -> NDArray[np.float64]:
        """[C], in cm from the base."""
        return np.linspace(0, self.length, self.channels)

    def resonances(self) -> NDArray[np.float64]:
        """[C], in Hz: where stiffness and mass cancel. The response is largest somewhat below."""
        stiffness = self.stiffness * np.exp(-self.decay * self.places) - self.offset
        return np.sqrt(stiffness / self.mass) / (2 * np.pi)

    def impedance(self, omega_F: Real) -> Complex:
        """xi [C, F] to displacement, for exp(-i w t)."""
        fall = np.exp(-self.decay * self.places / 2)[:, None]
        resistance = self.damping * np.sqrt(self.stiffness * self.mass)
        inertia = self.mass * omega_F**2
        xi_CF: Complex = self.stiffness * fall**2 - self.offset - inertia - 1j * omega_F * resistance * fall
        return xi_CF

    def phase(self, omega_F: Real) -> Complex:
        """G [C, F], in closed form.

        With u = exp(-decay x / 2) the integral is that of 1 / (u sqrt(A u^2 + B u - s^2)), a logarithm.
        """
        xi_CF, u_C1 = self.impedance(omega_F), np.exp(-self.decay * self.places / 2)[:, None]
        b_F = -1j * omega_F * self.damping * np.sqrt(self.stiffness * self.mass)
        s_F = np.sqrt(self.offset + self.mass * omega_F**2)
        terms_CF = (2j * s_F * np.sqrt(xi_CF) + b_F * u_C1 - 2 * s_F**2) / u_C1
        unit_F = omega_F * np.sqrt(self.density / self.height) * 2 / self.decay
        phase_CF: Complex = unit_F * (1 / np.sqrt(xi_CF[0]) + 1j / s_F * np.log(terms_CF[0] / terms_CF))
        return phase_CF

    def response(self, frequencies_F: Real) -> Complex:
        """Velocity [C, F] to a tone of amplitude 1 of each frequency in Hz (above 0), for exp(+i w t)."""
        omega_F = 2 * np.pi * frequencies_F
        xi_CF, phase_CF = self.impedance(omega_F), self.phase(omega_F)
        pressure_CF = np.sqrt(phase_CF * np.sqrt(xi_CF)) * hankel1(0, phase_CF)
        wave_CF = 2 * omega_F / xi_CF * pressure_CF / pressure_CF[0]
        z_F = 2 * omega_F / self.decay * np.sqrt(2 / (self.height * self.stiffness))
        opposed_F = 1j * np.sqrt(2 * self.stiffness / self.height) * hankel2(0, z_F) / hankel2(1, z_F)
        response_CF: Complex = opposed_F * (wave_CF if self.wave is Wave.ADVANCED else wave_CF.conj())
        return response_CF

    def blocks(self, samples: int, rate: int, rate_out: int) -> int:
        """Into how many quarters of a second, about, a sound and its silence are fitted; a number of whole samples."""
        return -(-(samples + round(RING * rate)) // (quantum(rate, rate_out) * (rate // gcd(rate, rate_out))))

    def velocity(self, sound_L: Real, rate: int, rate_out: int) -> NDArray[np.float32]:
        """Velocity [C, T] of all places under a sound; of rate `rate` in, `rate_out` out (both in Hz).

        Of the sound all frequencies below half of the lower rate are kept. T lasts as long as the sound.
        """
        seconds = self.blocks(len(sound_L), rate, rate_out) * quantum(rate, rate_out) / gcd(rate, rate_out)
        samples, samples_out = round(seconds * rate), round(seconds * rate_out)
        spectrum_F = fft.rfft(sound_L, samples).astype(np.complex64)[1 : -(-min(samples, samples_out) // 2)]
        spectrum_CF = np.zeros((self.channels, samples_out // 2 + 1), np.complex64)
        scaled_F = spectrum_F * np.float32(samples_out / samples)
        np.multiply(scaled_F, _response(self, len(spectrum_F), seconds), out=spectrum_CF[:, 1 : 1 + len(spectrum_F)])
        velocity_CT: NDArray[np.float32] = fft.irfft(spectrum_CF, samples_out, overwrite_x=True)
        return velocity_CT[:, : len(sound_L) * rate_out // rate]


def quantum(rate: int, rate_out: int) -> int:
    """How many of the shortest times that are whole samples of both rates make about a quarter of a second."""
    return -(-gcd(rate, rate_out) // 4)


@lru_cache(maxsize=2)
def _response(membrane: BasilarMembrane, count: int, seconds: float) -> NDArray[np.complex64]:
    return membrane.response(np.arange(1, 1 + count) / seconds).astype(np.complex64)
