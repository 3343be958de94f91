/*
  state.js: the shapes of what the server tells about a class, as types only. What is sent to everybody is in State; who
  leads gets Lead beside it. See src/class/ for who fills it in.
*/

/**
 * @typedef {object} NumberQuestion  @property {"number"} as  @property {string} question
 * @property {number} min  @property {number} max  @property {string} [unit]  @property {"linear"|"log"} [scale]
 *
 * @typedef {object} ChoiceQuestion  @property {"choice"} as  @property {string} question
 * @property {string[]} options  @property {boolean} [many]
 *
 * @typedef {object} CurveQuestion  @property {"curve"} as  @property {string} question
 * @property {number[]} x  @property {string} [x_unit]  @property {number} min  @property {number} max  @property {string} [unit]
 *
 * @typedef {object} OrderQuestion  @property {"order"} as  @property {string} question  @property {string[]} items
 *
 * @typedef {NumberQuestion | ChoiceQuestion | CurveQuestion | OrderQuestion} Question
 */

/**
 * @typedef {object} Run
 * @property {"live"|"experiment"|"page"} kind
 * @property {"waiting"|"warming"|"measuring"|"over"|"failed"} state
 * @property {number|null} began_us  @property {number|null} measured_from_us  @property {number|null} ends_us
 * @property {string|null} why  @property {string|null} page  @property {string|null} experiment  @property {string} what
 * @property {string} [seen]         what the presenter reads off the page
 *
 * @typedef {object} Reveal
 * @property {string} sentence
 * @property {number|null} measured  @property {number|null} theory  @property {string} unit
 * @property {number[]} [measured_points]  @property {number[]} [theory_points]  of a curve, one for each x
 * @property {number[]} right        from 1: options that are right, or the right order
 * @property {import("../histogram.js").Guesses|null} guesses
 * @property {import("../histogram.js").Guesses|null} first_guesses
 * @property {boolean} predicted_only  @property {string} change_html
 *
 * @typedef {object} Ask
 * @property {string} question  @property {string[]} options
 * @property {number|null} right  @property {string[]|null} because  @property {number[]|null} answers
 *
 * @typedef {object} Lesson
 * @property {string} id  @property {string} title  @property {number} minutes
 * @property {number} step  @property {number} steps  @property {string[]} kinds  @property {string} kind
 * @property {string} html  @property {Question|null} [guess]  @property {number} answered
 * @property {boolean} locked  @property {number} round
 * @property {Run|null} [run]  @property {Reveal|null} [reveal]  @property {Ask|null} [ask]
 * @property {{file: string, lines: {number: number, text: string}[]}} [code]
 * @property {{until: string, seen: boolean, since_us: number, late_us: number, otherwise: string}} [wait]
 * @property {string} [wall_page]    what a step "set" shows; a page of this lab
 *
 * @typedef {object} Phone
 * @property {string} id  @property {string} name  @property {"open"|"asleep"|"gone"} state
 * @property {string|null} lane  @property {number|null} delay_ms  @property {"native"|"browser"} here_by
 * @property {{requests: number, empty: number, received: number}|null} [seen]
 *
 * @typedef {object} Group
 * @property {number} group  @property {string} lane  @property {number} share  @property {number|null} [poll_interval_ms]
 *
 * @typedef {object} Lead            what only the presenter gets
 * @property {string} notes_html  @property {"explain"|"talk"|"go on"|null} hint  @property {number|null} right_share
 * @property {string|null} next  the kind of the step that follows
 * @property {boolean} can_again     this step can be had once more  @property {boolean} [asks_again]  a second guess is proposed
 * @property {{id: string, title: string, minutes: number, order: number, why_not: string|null}[]} lessons
 *
 * @typedef {object} State
 * @property {number} revision  @property {string} class  @property {string} code  @property {number} now_us
 * @property {number} here  @property {number} joined  @property {Lesson|null} lesson  @property {Group[]} groups
 * @property {boolean} frozen  @property {boolean} muted  @property {boolean} dark
 * @property {{ends_us: number, seconds: number}|null} timer
 * @property {string|null} page  @property {number} page_number  @property {number} reload  @property {string|null} show
 * @property {Phone[]} [grid]  @property {Lead} [lead]
 */

/** Whether a run goes on; "waiting" is one that has not begun. @param {Run|null|undefined} run */
export function isRunning(run) {
  return run !== null && run !== undefined && ["warming", "measuring"].includes(run.state);
}
