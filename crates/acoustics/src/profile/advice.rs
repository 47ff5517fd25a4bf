//! What to do, in the words of a support engineer.

use super::verdict::Check;

/// For a tone that sounds higher or lower than it was played.
pub(super) const OTHER_RATE: &str = "The device runs at another sample rate than it says, or changed it: set one rate for \
    microphone and speaker in the system's settings, and plug the device in again.";

pub(super) const fn of(check: Check) -> &'static str {
    match check {
        Check::SignalHeard => {
            "Check that the right speaker and microphone are chosen, that neither is muted, and that the speaker can be \
             heard by the microphone; turn the volume up."
        }
        Check::Latency => {
            "Use a cable instead of Bluetooth, choose smaller buffers, and switch off sound effects of the system or the \
             driver."
        }
        Check::LatencyStability => {
            "The delay changes while in use: plug the device in directly instead of through a hub, and close programs that \
             keep the processor busy."
        }
        Check::Glitches => {
            "Sound is lost on the way: choose larger buffers, close programs that keep the processor busy, try another \
             USB port or cable, and switch off power saving."
        }
        Check::ClockDrift => {
            "Microphone and speaker run on different clocks, or one runs at another rate than it says: use one device for \
             both, and set the same sample rate for both."
        }
        Check::Muted => {
            "The microphone's switch is off, or the system refuses access: look for a mute button on the device or its \
             cable, and allow the program to use the microphone in the privacy settings."
        }
        Check::DeadChannel => {
            "One channel is dead: check the plug and the cable, and the balance in the mixer."
        }
        Check::ChannelOrder => "Left and right are swapped: turn the headset around, or exchange the plugs.",
        Check::Polarity => {
            "One channel has its polarity turned around and cancels the other when mixed: check the cable and the wiring."
        }
        Check::Noise => {
            "It is noisy: move away from fans, turn the microphone's boost down, and try another port; a hum points to the \
             mains supply."
        }
        Check::Dc => {
            "The signal has a constant in it: the sound card or its driver is faulty. Another device helps."
        }
        Check::Clipping => {
            "The microphone is too loud and clips: turn its level or boost down, or move it further from the mouth."
        }
        Check::GainControl => {
            "The system changes the microphone's level by itself: switch off automatic gain and sound effects, because \
             the call has its own."
        }
        Check::EchoReturnLoss => {
            "Others will hear themselves: turn the speaker down, move it away from the microphone, or use a headset."
        }
        Check::EchoBehindCanceller => {
            "The echo canceller leaves too much: turn the speaker down so that it does not distort, and use one device \
             for speaker and microphone."
        }
        Check::EchoDelayStability => {
            "The echo's delay changes, and the canceller must learn it again each time: use one device for speaker and \
             microphone, with a cable."
        }
        Check::Reverberation => {
            "The room echoes: speak closer to the microphone; curtains, carpets and soft furniture help."
        }
        Check::BandwidthLow => {
            "Low tones are missing: check that the microphone is not covered, and switch off sound effects."
        }
        Check::BandwidthHigh => {
            "High tones are missing, as with a Bluetooth headset in telephone mode: use a cable, or choose a higher sample \
             rate."
        }
        Check::Distortion => {
            "It sounds harsh: turn the speaker and the microphone down; a small speaker may be worn out."
        }
        Check::SignalToNoise => {
            "The test signal hardly stands out: turn the speaker up, or make it quieter around."
        }
    }
}
