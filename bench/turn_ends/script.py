"""What the callers say. `|` is where a caller pauses inside the turn.

Two halves with speakers and words of their own: rules are made and tuned on TUNING only, HELD_OUT is for reporting.
Human: the prompts of Asterisk and pocketsphinx-testdata (`tests.peers.speech`), by their names; everything else is said
by flite and espeak-ng.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass


@dataclass(frozen=True, slots=True)
class Half:
    """Speakers and words of one half. `spoken` is kind → texts for the synthetic voices."""

    voices: Sequence[str]
    spoken: Mapping[str, Sequence[str]]


TUNING = Half(
    voices=("slt", "rms", "en-us", "en-us+f3"),
    spoken={
        "statement": (
            "I would like to book a table for four people.",
            "I need to change my appointment.",
            "My package has not arrived yet.",
            "I want to cancel my subscription.",
            "The heating in my room is broken.",
            "I would like to speak to somebody in sales.",
            "We will be there around seven.",
            "I have already paid the bill.",
            "I am calling about the invoice from last week.",
            "I lost my card yesterday.",
        ),
        "question": (
            "What are your opening hours?",
            "How much does the small one cost?",
            "Can I pay by credit card?",
            "Where is my order?",
            "Do you have a parking lot?",
            "Is the doctor in on Friday?",
        ),
        "short": (
            "Yes.",
            "No thank you.",
            "That is right.",
            "Yes please.",
            "Goodbye.",
            "Tomorrow morning.",
            "I think so.",
        ),
        "mid-sentence": (
            "I would like to change | my delivery address.",
            "Could you please send | the invoice to my office?",
            "The train leaves the station | at half past nine.",
            "I bought a washing machine | two weeks ago.",
            "Can you tell me when | the next appointment is?",
            "My daughter wants to | take piano lessons.",
            "I am looking for the | cheapest ticket to London.",
            "We would need a room with | two beds and a bath.",
            "I was told that my | contract ends in March.",
            "Please connect me to the person who | handles refunds.",
            "I have been waiting for a | call from your technician.",
            "The problem is that the screen | stays black.",
            "Is it possible to move the meeting | to next Thursday?",
            "I want to order three | bags of coffee.",
            "Your colleague promised me a full | refund last month.",
            "If it rains tomorrow | we will stay at home.",
        ),
        "open word": (
            "I would like to order, um, | a large pizza.",
            "Well, | I am not sure about that.",
            "So | what happens next?",
            "I want to come on Monday or | on Tuesday.",
            "My name is | Peter Miller.",
            "It is about, uh, | the broken window.",
            "The number is | four seven one one.",
            "I do not want it because | it is too expensive.",
        ),
        "list": (
            "I need milk, | eggs, | bread and butter.",
            "I would like a burger, | a salad | and a coke.",
            "Please bring two chairs, | one table | and three lamps.",
            "We take the red one, | the blue one | and the green one.",
        ),
        "address": (
            "I live at twelve Baker Street, | London.",
            "Send it to forty five Park Avenue, | apartment nine, | New York.",
            "It is seventeen Hill Road, | Oxford, | England.",
        ),
        "digits": (
            "four seven | one one",
            "five five five | two three six | eight zero one nine",
            "zero one two | nine nine four | six seven three",
            "eight two | six five",
        ),
        "number": (
            "My number is five five five | three one four | two two six eight.",
            "It is order number seven three | nine nine.",
            "The account is two zero six | eight one one.",
        ),
        "whole digits": ("four seven one one", "nine zero three six", "two five eight one"),
        "spelled": (
            "It is spelled M, I, | L, L, | E, R.",
            "J, O, H, | N, S, O, N.",
            "That is B, A, | K, E, R.",
        ),
        "whole number": (
            "My number is five five five three one four two.",
            "It is order number seven three nine nine.",
        ),
    },
)

HELD_OUT = Half(
    voices=("awb", "en-gb", "en-gb-scotland", "kal16"),
    spoken={
        "statement": (
            "I would like to return a pair of shoes.",
            "My internet connection does not work.",
            "I want to make an appointment with the dentist.",
            "There is a mistake on my bill.",
            "We are six adults and two children.",
            "I forgot my password.",
            "I need a taxi to the airport.",
            "She will call you back this afternoon.",
            "I sent you an email on Sunday.",
            "The delivery came to the wrong house.",
        ),
        "question": (
            "When do you close on Saturday?",
            "How long does the repair take?",
            "Could you say that again?",
            "Who is responsible for this?",
            "Do I need to bring anything?",
            "What is your address?",
        ),
        "short": (
            "No.",
            "Yes that is fine.",
            "Okay thanks.",
            "Not today.",
            "Next Wednesday.",
            "I do not know.",
            "Never mind.",
        ),
        "mid-sentence": (
            "I would like to return | a pair of shoes.",
            "Could somebody look at | my heating today?",
            "The flight from Berlin arrives | at six in the evening.",
            "I ordered a new phone | last Friday.",
            "Do you know whether | the shop is open?",
            "My husband forgot to | sign the form.",
            "We are interested in the | house with the garden.",
            "I would prefer a seat near | the window.",
            "He told me that your | office has moved.",
            "I spoke to the lady who | works in accounting.",
            "They charged me for a | service I never used.",
            "The reason for my call is the noise | in the basement.",
            "Would it be okay to pick it up | after work?",
            "Please add four | tickets to my booking.",
            "I received the wrong | colour of paint.",
            "When I press the button | nothing happens.",
        ),
        "open word": (
            "I would prefer, uh, | the evening.",
            "Actually, | let me check that.",
            "And | how do I get there?",
            "I can do Thursday or | Friday afternoon.",
            "Her name is | Susan Parker.",
            "I am calling about, um, | my insurance.",
            "My code is | nine zero two four.",
            "I cannot come since | my car broke down.",
        ),
        "list": (
            "We want apples, | pears | and two melons.",
            "I will have the soup, | the fish | and a glass of wine.",
            "It stops in Boston, | Chicago | and Denver.",
            "I speak English, | German | and a little French.",
        ),
        "address": (
            "My address is nine Mill Lane, | Cambridge.",
            "The office is at three hundred Queen Street, | second floor, | Toronto.",
            "Deliver it to twenty one Church Road, | Brighton, | please.",
        ),
        "digits": (
            "nine one | three eight",
            "two zero two | five five five | one eight seven six",
            "seven seven zero | four four six | one nine five",
            "six three | zero four",
        ),
        "number": (
            "My phone number is two one two | six six four | nine zero seven three.",
            "The booking is number eight eight | five two.",
            "My customer number is four zero one | three three nine.",
        ),
        "whole digits": ("six one eight three", "zero four two seven", "five nine nine two"),
        "spelled": (
            "My name is spelled P, A, R, | K, E, R.",
            "S, T, E, | V, E, N, S.",
            "You write it D, U, | N, N.",
        ),
        "whole number": (
            "My phone number is two one two six six four nine.",
            "The booking is number eight eight five two.",
        ),
    },
)

EXPECTS: Mapping[str, tuple[str, str]] = {
    "digits": ("digits", "What is your number?"),
    "whole digits": ("digits", "Please say the four digits."),
    "spelled": ("name", "How is that spelled?"),
}
"""Kind → what the agent waits for, as in `TranscriptHint`, and the question with which it says so."""

HUMAN_CONTINUED: Sequence[tuple[str, ...]] = (
    ("queue-thereare", "digits/4"),
    ("conf-enteringno", "digits/7+digits/2"),
    ("vm-num-i-have", "digits/5+digits/5+digits/1", "digits/8+digits/0"),
    ("vm-theperson", "digits/2+digits/9", "vm-isonphone"),
    ("queue-holdtime", "digits/5+queue-minutes"),
    ("conf-thereare", "digits/3+conf-otherinparty"),
    ("at-tone-time-exactly", "digits/10+digits/oclock"),
    ("if-correct-press", "digits/1"),
    ("vm-youhave", "digits/6+vm-messages"),
    ("queue-quantity1", "digits/20+queue-quantity2"),
    ("confbridge-leave-in", "vm-press+digits/star"),
    ("confbridge-dec-list-vol-in", "vm-press+digits/4"),
    ("confbridge-mute-in", "vm-press+digits/1"),
    ("privacy-to-blacklist-last-caller", "from-unknown-caller"),
    ("vm-and", "vm-tocancel"),
    ("num-was-successfully", "removed"),
    ("vm-duration", "digits/3+vm-minutes"),
    ("to-call-this-number", "vm-press+digits/2"),
)
"""Prompts that were spoken to be gone on with, and what follows them after a pause; `+` joins without one."""

HUMAN_LISTS: Sequence[tuple[str, ...]] = (
    ("digits/day-1", "digits/day-2", "vm-and+digits/day-4"),
    ("vm-Family", "vm-Friends", "vm-and+vm-Work"),
    ("digits/mon-0", "digits/mon-4", "vm-and+digits/mon-9"),
    ("digits/day-5", "digits/day-6+vm-and+digits/day-0"),
)
HUMAN_DIGITS = ("48|21", "555|236|8019", "70|63", "012|994|673", "93|15", "866|270|1432")
HUMAN_SPELLED = ("mil|ler", "smi|th", "john|son", "ba|ker", "par|ker", "w|il|son")
HUMAN_WHOLE_DIGITS = ("4821", "7309", "5550", "9036", "1648", "2795")
HUMAN_ENDS, HUMAN_CUTS = 60, 44
"""Whole prompts, and prompts that are cut at a border of two words."""
