/*
  state.js: the state of a class as the server sends it, whole and numbered, by GET /api/class and its event stream; who
  fills it in is src/class/state.rs. What everybody gets is in ClassState; a phone gets `me` beside it, the wall `grid`, the
  presenter `grid` and `lead`.
*/

/**
 * What is asked in a guess.
 * @typedef {{as: "number", question: string, min: number, max: number, unit: string, scale: "linear"|"log"}} NumberQuestion
 * @typedef {{as: "choice", question: string, options: string[], many: boolean}} ChoiceQuestion
 * @typedef {{as: "curve", question: string, x: number[], x_unit: string, min: number, max: number, unit: string}} CurveQuestion
 * @typedef {{as: "order", question: string, items: string[]}} OrderQuestion
 * @typedef {NumberQuestion | ChoiceQuestion | CurveQuestion | OrderQuestion} Question
 *
 * What was guessed. Options and items count from 1; a curve has one value for each x; an order has the item that comes
 * first first; unknown: "I do not know".
 * @typedef {{number: number} | {choices: number[]} | {curve: number[]} | {order: number[]} | {unknown: true}} Guess
 *
 * The class's guesses, counted. count holds all of them, those included that do not know.
 * @typedef {{bins: {from: number, to: number, count: number}[], unknown: number, median: number|null, count: number}} NumberGuesses
 * @typedef {{options: number[], unknown: number, count: number}} ChoiceGuesses
 * @typedef {{low: number[], middle: number[], high: number[], unknown: number, count: number}} CurveGuesses  quartiles for each x
 * @typedef {{places: number[][], unknown: number, count: number}} OrderGuesses  places[i][j]: how many put item i at place j
 * @typedef {NumberGuesses | ChoiceGuesses | CurveGuesses | OrderGuesses} Guesses
 */

/**
 * @typedef {object} Run
 * @property {"live"|"experiment"|"page"} kind
 * @property {"waiting"|"warming"|"measuring"|"over"|"failed"} state
 * @property {number} number             grows with each run of the class; 0 before the first
 * @property {number|null} began_us @property {number|null} measured_from_us
 * @property {number|null} ends_us       later than it was where the run waits for something; once it is over, when it was
 * @property {string|null} why           failed: the reason
 * @property {string|null} page
 * @property {string|null} experiment
 * @property {string} what
 * @property {string} [seen]             what the presenter reads off the page
 * @property {number} [published]        while it measured; once it is over
 * @property {number} [starts_by_us]     it waits for phones to connect, and begins then at the latest
 * @property {Wait|null} [waits]         what it goes on for, where that takes longer than it was to take
 *
 * @typedef {object} Reveal
 * @property {string} sentence
 * @property {string} [experiment]  what an experiment of the lesson answers beside it
 * @property {number|null} measured @property {number|null} theory @property {string} unit
 * @property {(number|null)[]} [measured_points] @property {(number|null)[]} [theory_points]
 *           of a curve, one for each x, null where nothing was measured; not there where nothing is known
 * @property {number[]} right            of a choice: the right options; of an order: the items in their right order
 * @property {Guesses|null} guesses @property {Guesses|null} first_guesses
 * @property {boolean} predicted_only    nothing was measured
 * @property {string} change_html
 *
 * @typedef {object} Ask
 * @property {string} question @property {string[]} options
 * @property {number|null} right         from 1; this and the next two only once the presenter shows them
 * @property {string[]|null} because
 * @property {number[]|null} answers     how many phones chose each
 *
 * @typedef {{file: string, lines: {number: number, text: string}[]}} Code   source text of this program
 * @typedef {{until: string, seen: boolean, so_far?: string[], since_us: number, late_us: number, otherwise: string}} Wait  until: as it is written in the lesson
 *
 * @typedef {object} LessonState
 * @property {string} id @property {string} title @property {number} minutes
 * @property {number} step               from 0
 * @property {number} steps @property {string[]} kinds @property {string} kind
 * @property {string} html               at a reveal empty until it is shown
 * @property {Code} [code]               of a step "code"
 * @property {Wait} [wait]               of a step "wait"
 * @property {string} [wall_page]        what a step "set" shows; a page of this lab
 * @property {Question|null} guess
 * @property {number} answered @property {boolean} locked @property {number} round
 * @property {Run|null} run @property {Reveal|null} reveal @property {Ask|null} ask
 *
 * @typedef {object} Group               phones that follow the channel of the class in the same way
 * @property {number} group @property {string} lane @property {number} share
 * @property {number|null} poll_interval_ms @property {boolean} bare @property {boolean} recovery
 * @property {string} channel
 *
 * @typedef {object} Me                  the phone that asks
 * @property {string} id @property {string} name
 * @property {number|null} group
 * @property {Guess|null} guess @property {Guess|null} first_guess
 * @property {number|null} answer @property {boolean} is_shown
 *
 * @typedef {object} Seat                a phone in the grid
 * @property {string} id @property {string} name
 * @property {"open"|"asleep"|"gone"} state
 * @property {"idle"|"connecting"|"open"|"reconnecting"|"closed"} [line]  how its line to the lane is
 * @property {string|null} lane
 * @property {number|null} delay_ms      of what it received last
 * @property {"native"|"browser"} here_by
 * @property {number|null} [group]       its group's number
 * @property {{requests: number, empty: number, received: number}|null} [seen]  in the run that is shown
 *
 * @typedef {object} Lead                what only the presenter gets
 * @property {string} notes_html @property {"explain"|"talk"|"go on"|null} hint @property {number|null} right_share
 * @property {number} phones_missing   so many more than are here and awake the lesson takes
 * @property {string|null} next          the kind of the step that follows
 * @property {boolean} can_again         this step can be had once more
 * @property {boolean} asks_again        a second guess is proposed
 * @property {{websocket: number, eventsource: number, streams: number, http2: number, of: number}} can
 *           how many phones have each, of those that said
 * @property {string|null} not_kept      why the class is gone when the lab stops
 * @property {{id: string, title: string, minutes: number, order: number, why_not: string|null}[]} lessons
 * @property {Plan|null} plan @property {LessonTimes|null} times
 * @property {string[]} pages            of this lab, that the lesson is about
 *
 * @typedef {object} PlanRow             some minutes of the hour, see src/class/plan.rs
 * @property {number} from @property {number} to   minutes since the beginning
 * @property {string|null} lesson        its id
 * @property {string} note               what is done, or what to say to the lesson; may be empty there
 * @property {string} bridge             what is said at its end; may be empty
 * @property {number} used_us
 *
 * @typedef {object} Plan                the plan of the hour that is followed
 * @property {string} id @property {string} title @property {number} minutes
 * @property {number} began_us
 * @property {number} row                where the class is, from 0
 * @property {number} since_us           since when what passes is not yet in the row's used_us
 * @property {PlanRow[]} rows
 *
 * @typedef {object} LessonTimes         how long its steps took; since_us as of a plan
 * @property {number} since_us
 * @property {{kind: string, planned_s: number, used_us: number}[]} steps
 *
 * @typedef {object} ClassState
 * @property {number} revision           grows by one with each change
 * @property {string} class              id of this class
 * @property {string} code
 * @property {number} now_us             server's time of day
 * @property {number} here @property {number} joined
 * @property {LessonState|null} lesson
 * @property {Group[]} groups            empty: phones follow nothing
 * @property {number} set                grows whenever the phones are set up anew; a phone's report names it
 * @property {boolean} frozen @property {boolean} muted @property {boolean} dark
 * @property {{ends_us: number, seconds: number}|null} timer
 * @property {string|null} page @property {number} page_number
 * @property {number} reload
 * @property {string|null} show
 * @property {Me} [me]                   for who has joined
 * @property {number} [published]        in the run that is shown, so far; for the wall and the presenter
 * @property {Seat[]} [grid]             for the wall and the presenter
 * @property {Lead} [lead]               for the presenter
 */

/** Whether a run goes on; "waiting" is one that has not begun. @param {Run|null|undefined} run */
export function isRunning(run) {
  return run !== null && run !== undefined && ["warming", "measuring"].includes(run.state);
}
