/*
  state.js: the state of a class as the server sends it, whole and numbered, by GET /api/class and its event stream.
  Types alone; who reads it is the phone, the wall and the presenter's page.
*/

/**
 * What a phone guessed. Options and items count from 1.
 * @typedef {object} Guess
 * @property {number} [number]
 * @property {number[]} [choices]
 * @property {number[]} [curve]    one value for each x
 * @property {number[]} [order]    items in the order that was guessed
 * @property {boolean} [unknown]   "I do not know"
 *
 * @typedef {object} Question      what is asked in a guess
 * @property {"number"|"choice"|"curve"|"order"} as
 * @property {string} question
 * @property {number} [min] @property {number} [max] @property {string} [unit]
 * @property {"linear"|"log"} [scale]
 * @property {string[]} [options] @property {boolean} [many]
 * @property {number[]} [x] @property {string} [x_unit]
 * @property {string[]} [items]
 *
 * @typedef {object} Histogram     the class's guesses; which fields there are depends on the kind of the guess
 * @property {number} count        phones that guessed, those included that do not know
 * @property {number} unknown
 * @property {{from: number, to: number, count: number}[]} [bins]  number
 * @property {number|null} [median]                                number
 * @property {number[]} [options]                                  choice
 * @property {number[]} [low] @property {number[]} [middle] @property {number[]} [high]  curve: quartiles for each x
 * @property {number[][]} [places]                                 order: how often item i was put at place j
 *
 * @typedef {object} Run
 * @property {"live"|"experiment"|"page"} kind
 * @property {"waiting"|"warming"|"measuring"|"over"|"failed"} state
 * @property {number} [number]           grows with each run of the class; 0 before the first
 * @property {number|null} [began_us] @property {number|null} [measured_from_us] @property {number|null} [ends_us]
 * @property {string|null} [why]         failed: the reason
 * @property {string|null} [page]
 * @property {string|null} [experiment]
 * @property {string} [what]
 *
 * @typedef {object} Reveal
 * @property {string} sentence
 * @property {number|null} [measured] @property {number|null} [theory] @property {string} [unit]
 * @property {number[]} [measured_points] @property {number[]} [theory_points]  of a curve, one for each x; not there where nothing is known
 * @property {number[]} [right]          of a choice: the right options; of an order: the items in their right order
 * @property {Histogram|null} [guesses] @property {Histogram|null} [first_guesses]
 * @property {boolean} [predicted_only]  nothing was measured
 * @property {string} [change_html]
 *
 * @typedef {object} Ask
 * @property {string} question @property {string[]} options
 * @property {number|null} [right]       from 1; this and the next two only once the presenter shows them
 * @property {string[]|null} [because]
 * @property {number[]|null} [answers]   how many phones chose each
 *
 * @typedef {{file: string, lines: {number: number, text: string}[]}} Code   source text of this program
 *
 * @typedef {object} LessonState
 * @property {string} id @property {string} title @property {number} [minutes]
 * @property {number} step               from 0
 * @property {number} steps @property {string[]} kinds @property {string} kind
 * @property {string} html               at a reveal empty until it is shown
 * @property {Code} [code]               of a step "code"
 * @property {Question|null} [guess]
 * @property {number} [answered] @property {boolean} [locked] @property {number} [round]
 * @property {Run|null} [run] @property {Reveal|null} [reveal] @property {Ask|null} [ask]
 *
 * @typedef {object} Group               phones that follow the channel of the class in the same way
 * @property {number} group @property {string} lane @property {number} [share]
 * @property {number|null} [poll_interval_ms] @property {boolean} [bare] @property {boolean} [recovery]
 * @property {string} channel
 *
 * @typedef {object} Me                  the phone that asks
 * @property {string} id @property {string} name
 * @property {number|null} [group]
 * @property {Guess|null} [guess] @property {Guess|null} [first_guess]
 * @property {number|null} [answer] @property {boolean} [is_shown]
 *
 * @typedef {object} Seat                a phone in the grid
 * @property {string} id @property {string} name
 * @property {"open"|"asleep"|"gone"} state
 * @property {string|null} lane @property {number|null} delay_ms
 * @property {"native"|"browser"} here_by
 *
 * @typedef {object} ClassState
 * @property {number} revision           grows by one with each change
 * @property {string} class              id of this class
 * @property {string} code
 * @property {number} now_us             server's time of day
 * @property {number} here @property {number} joined
 * @property {LessonState|null} lesson
 * @property {Group[]} groups            empty: phones follow nothing
 * @property {boolean} frozen @property {boolean} muted @property {boolean} dark
 * @property {{ends_us: number, seconds: number}|null} timer
 * @property {string|null} page @property {number} page_number
 * @property {number} reload
 * @property {string|null} show
 * @property {Me} [me]                   for who has joined
 * @property {Seat[]} [grid]             for the wall and the presenter
 */

export {};
