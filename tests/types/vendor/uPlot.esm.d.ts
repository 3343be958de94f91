// static/vendor/ is made by build.rs out of npm packages; to `npm run check` these files stand in for it.
export { default } from "uplot";
