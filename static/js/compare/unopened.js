// Why a lane has no figures although it was to run: it was not open when measuring began. What it was not sent is not
// lost, so it is left out of the run, in words. Pure.

import { CONNECTIONS_PER_HOST } from "./validity.js";

/**
 * @param {object} lane
 * @param {boolean} lane.holdsConnection  it holds one of the browser's HTTP connections
 * @param {boolean} lane.refused         an attempt failed, so the browser did get to ask
 * @param {boolean} lane.openedLate      it did open, after measuring had begun
 * @returns {string}
 */
export function whyUnopened({ holdsConnection, refused, openedLate }) {
  if (openedLate) return "Opened after measuring had begun, so it is left out. Reset and start again.";
  if (refused) return "Did not open: its port does not answer from here. Not counted as losses.";
  if (holdsConnection) {
    return `Did not open: a browser keeps at most ${CONNECTIONS_PER_HOST} HTTP/1.1 connections to one address, and other tabs of this lab hold them. Close some, then reset. Not counted as losses.`;
  }
  return "Did not open: no answer yet. Not counted as losses.";
}
